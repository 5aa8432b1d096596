"""Profiles as applications see them."""

from typing import Any

import pytest

from scim_server.config import AttributeRule
from scim_server.provisioning.profile import Profile
from scim_server.scim.effective_schema import STANDARD_PROFILE
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.resource_types import user_resource_type

USERS = user_resource_type()
ADA: dict[str, Any] = {
    "userName": "ada",
    "externalId": "00u1",
    "displayName": "Ada Lovelace",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "home@example.com"}, {"value": "work@example.com", "type": "work"}],
    "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2", "primary": True}],
    "addresses": [{"locality": "London", "region": "England", "country": "GB"}],
    "title": "Countess",
    "userType": "Employee",
    "locale": "en-GB",
    "timezone": "Europe/London",
    "active": True,
    ENTERPRISE_URN: {
        "department": "Engines",
        "division": "Analysis",
        "organization": "Acme",
        "costCenter": "7",
        "employeeNumber": "1815",
        "manager": {"value": "charles"},
    },
}


def of(user: dict[str, Any], *rules: AttributeRule) -> dict[str, Any]:
    return Profile(rules, USERS).of(user)


def rule(target: str, path: str | None = None, default: str | None = None) -> AttributeRule:
    return AttributeRule(mapping="acme/attributes", target=target, path=path, default=default)


def test_the_announced_attributes_are_those_that_a_user_can_have() -> None:
    assert of(ADA).keys() == set(STANDARD_PROFILE)


def test_of_several_values_the_primary_one_counts_else_the_one_for_work_else_the_first() -> None:
    assert (of(ADA)["phone"], of(ADA)["email"], of(ADA)["locality"]) == ("2", "work@example.com", "London")


def test_what_has_no_value_is_absent() -> None:
    assert of({"userName": "ada", "title": "", "emails": [], "active": False}) == {"userName": "ada", "active": False}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("title", "Countess"),
        ("name.familyName", "Lovelace"),
        ('emails[type eq "work"].value', "work@example.com"),
        ('emails[type eq "other"].value', None),
        ("phoneNumbers", "2"),
        (f"{ENTERPRISE_URN}:manager", "charles"),
        ("nickName", None),
        ("shoeSize", None),
    ],
)
def test_a_rule_takes_what_is_at_its_path_else_its_default(path: str, value: str | None) -> None:
    assert of(ADA, rule("mapped", path)).get("mapped") == value
    assert of(ADA, rule("mapped", path, default="none"))["mapped"] == (value or "none")


def test_a_rule_without_a_path_is_a_constant() -> None:
    assert of(ADA, rule("title", default="Member"))["title"] == "Member"
