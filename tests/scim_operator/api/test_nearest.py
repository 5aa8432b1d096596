import pytest

from scim_operator.api import did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("respnder", "responder"),
        ("Responder", "responder"),
        ("adnin", "Admin"),
        ("guest", None),
        ("", None),
        ("r" * 1_000_000, None),
    ],
)
def test_the_name_that_was_probably_meant(name: str, meant: str | None) -> None:
    assert nearest(name, ["Admin", "responder"]) == meant


def test_the_end_of_a_message() -> None:
    assert did_you_mean("adnin", ["admin"]) == "; did you mean admin?"
    assert did_you_mean("guest", ["admin"]) == ""
