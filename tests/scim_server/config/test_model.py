from typing import Any

import pytest
from pydantic import ValidationError

from scim_server.config import AttributeRule, GroupSelector, Role, RoleRule, compile_pattern
from tests.scim_server.config.bundles import tenant


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"base_roles": ("ghost",)}, "baseRoles"),
        ({"fallback_roles": ("ghost",)}, "fallbackRoles"),
        (
            {
                "rules": (
                    RoleRule(mapping="a/m", rule="r", groups=(GroupSelector(display_name="G"),), roles=("ghost",)),
                )
            },
            r"rules\[a/m/r\]\.roles",
        ),
    ],
)
def test_only_roles_of_the_catalogue_can_be_granted(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError, match=f"{where}: role 'ghost' is not in the catalogue of acme/okta"):
        tenant(roles=(Role(name="viewer"),), **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"roles": (Role(name="a"), Role(name="a"))},
        {
            "attributes": (
                AttributeRule(mapping="a/m", target="t", default="1"),
                AttributeRule(mapping="a/n", target="t", default="2"),
            )
        },
    ],
)
def test_names_are_unique(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="appears more than once"):
        tenant(**fields)


@pytest.mark.parametrize("fields", [{}, {"external_id": "1", "display_name": "x"}])
def test_a_selector_has_exactly_one_attribute(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of"):
        GroupSelector(**fields)


def test_a_selector_has_a_pattern_that_re2_knows() -> None:
    with pytest.raises(ValidationError, match="is not an RE2 expression"):
        GroupSelector(display_name_pattern="a(?=b)")


def test_a_pattern_must_match_the_whole_name_and_takes_linear_time() -> None:
    pattern = compile_pattern("(a|aa)+")

    assert pattern.fullmatch("aaa")
    assert not pattern.fullmatch("aaab")
    assert not pattern.fullmatch("a" * 100_000 + "b")
