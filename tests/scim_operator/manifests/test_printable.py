from hypothesis import given
from hypothesis import strategies as st

from scim_operator.api import ObjectKey
from scim_operator.manifests import Severity
from scim_operator.manifests.findings import Finding
from scim_operator.manifests.printable import printable


@given(st.text())
def test_nothing_but_printable_characters_is_left_and_they_stay(text: str) -> None:
    found = printable(text)

    assert found.isprintable()
    assert (found == text) is text.isprintable()


def test_a_finding_is_one_harmless_line() -> None:
    finding = Finding(Severity.ERROR, "a.yaml", 3, "no\nsuch role", "RoleMapping", ObjectKey("acme", "\x1b[31ma"))

    assert str(finding) == r"a.yaml:3: RoleMapping acme/\x1b[31ma: no\nsuch role"
