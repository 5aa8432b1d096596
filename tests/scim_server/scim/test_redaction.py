"""What of a captured path or filter is shown: its grammar, never a value."""

import pytest

from scim_server.scim.redaction import redacted_parameter


@pytest.mark.parametrize(("sent", "shown"), [
    ('userName eq "ann"', 'userName eq "…"'),
    ('(a eq "b" or not (c pr)) and active eq true', '(a eq "…" or not (c pr)) and active eq true'),
    ('emails[value eq "a" and type pr].value', 'emails[value eq "…" and type pr].value'),
    ('userName eq "John Doe', 'userName eq "…"'),
    ("userName,emails.value", "userName,emails.value"),
])  # fmt: skip
def test_grammar_stays(sent: str, shown: str) -> None:
    assert redacted_parameter("filter", sent) == shown


@pytest.mark.parametrize("sent", [
    "userName eq John Doe",
    "John Doe",
    "name.familyName co van der Berg",
    'userName eq "' + '\\"' * 10_000,
])  # fmt: skip
def test_values_do_not(sent: str) -> None:
    assert redacted_parameter("filter", sent) == f"(text of {len(sent)})"
