"""Profiles as applications see them."""

from typing import Any

import pytest

from scim_server.config import AttributeRule, GroupSelector, GroupValue, OnMissing, Update
from scim_server.provisioning.group_names import GroupNames
from scim_server.provisioning.profile import Profile, ProfileValue
from scim_server.scim.effective_schema import STANDARD_PROFILE
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidValue

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
    return Profile(rules).compute(user).values


def rule(target: str, path: str | None = None, default: str | None = None, **more: Any) -> AttributeRule:
    return AttributeRule(mapping="acme/attributes", target=target, path=path, default=default, **more)


EMEA = GroupNames("8d8a4f9c-0000-4000-8000-000000000001", "EMEA", "g1")
APAC = GroupNames("8d8a4f9c-0000-4000-8000-000000000002", "apac", "g2")


def by_group(**more: Any) -> AttributeRule:
    values = [
        GroupValue(group=GroupSelector(display_name="emea"), value="Europe"),
        GroupValue(group=GroupSelector(external_id="g2"), value="Asia"),
        GroupValue(group=GroupSelector(display_name_pattern="A.*"), value="Elsewhere"),
    ]
    return rule("organization", from_groups=values, **more)


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


def test_a_rule_takes_what_its_expression_gives_else_its_default() -> None:
    """provisioning.md, "AttributeMapping": expression, default."""
    department = rule("organization", expression='user.userType == "Employee" ? "Staff" : user.nickName')
    assert of(ADA, department)["organization"] == "Staff"
    assert "organization" not in of(ADA | {"userType": "Guest"}, department)
    assert of(ADA, rule("level", expression="size(user.emails)"))["level"] == 2
    assert of(ADA, rule("level", default="none", expression="user.nickName"))["level"] == "none"


def test_an_expression_that_fails_is_missing_and_told_without_a_word_of_the_user() -> None:
    """provisioning.md, "An expression that fails for a user"."""
    profile = Profile([rule("level", default="none", expression="user.title + 1"), rule("x", expression="1 +")])
    computed = profile.compute(ADA)
    assert computed.values["level"] == "none"
    assert "x" not in computed.values
    assert [(failure.mapping, failure.part) for failure in computed.failures] == [
        ("acme/attributes", "level"),
        ("acme/attributes", "x"),
    ]
    assert computed.failures[0].reason == "string + int: the two can't be combined"
    assert computed.failures[1].reason == "the expression ends too early (character 4)"


def test_the_first_group_of_the_rule_gives_the_value() -> None:
    """provisioning.md, "fromGroups": the first match wins, in the order of the rule, not of the groups."""
    profile = Profile([by_group(default="Default")])
    assert profile.compute(ADA, [APAC, EMEA]).values["organization"] == "Europe"
    assert profile.compute(ADA, [APAC]).values["organization"] == "Asia"
    assert profile.compute(ADA).values["organization"] == "Default"
    assert profile.compute(ADA).explained["organization"].origin == "mapping acme/attributes (default)"
    assert profile.compute(ADA, [EMEA]).explained["organization"] == ProfileValue(
        "Europe", "mapping acme/attributes (group EMEA)"
    )
    assert profile.names(EMEA)
    assert not profile.names(GroupNames(EMEA.id, "Other", None))
    assert not profile.names_alike(EMEA, GroupNames(EMEA.id, "Other", None))


def test_a_value_that_is_set_once_stays() -> None:
    """provisioning.md, "update: OnCreate": the first value that there is, which a default isn't."""
    once = Profile([rule("organization", "title", default="Default", update=Update.ON_CREATE)])
    first = once.compute({"userName": "ada"})
    assert (first.values["organization"], first.first_values) == ("Default", {})
    second = once.compute(ADA, first_values=first.first_values)
    assert (second.values["organization"], second.first_values) == ("Countess", {"organization": "Countess"})
    third = once.compute(ADA | {"title": "Lady"}, first_values=second.first_values)
    assert third.explained["organization"] == ProfileValue("Countess", "mapping acme/attributes (OnCreate)")

    without = Profile([]).compute(ADA, first_values=third.first_values)
    assert without.values["organization"] == "Acme"
    other = Profile([rule("organization", "nickName", update=Update.ON_CREATE)])
    assert other.compute(ADA, first_values=without.first_values).values["organization"] == "Countess"

    constant = Profile([rule("organization", default="Acme", update=Update.ON_CREATE)]).compute(ADA)
    assert constant.first_values == {"organization": "Acme"}


@pytest.mark.parametrize(
    ("refusing", "attribute"),
    [
        (rule("organization", "nickName", on_missing=OnMissing.REJECT), "nickName"),
        (rule("organization", expression='user["urn:x"].y', on_missing=OnMissing.REJECT), "urn:x:y"),
        (
            rule("organization", expression='user.name.middleName + "x"', on_missing=OnMissing.REJECT),
            "name.middleName",
        ),
    ],
)
def test_a_missing_value_can_be_refused(refusing: AttributeRule, attribute: str) -> None:
    """provisioning.md, "onMissing: Reject": the error names the attribute."""
    refused = Profile([refusing]).compute(ADA).refused
    assert refused is not None
    with pytest.raises(InvalidValue, match=f"{attribute}: a value is expected") as caught:
        raise refused.error()
    assert (caught.value.scim_type, caught.value.attribute) == ("invalidValue", attribute)


def test_what_is_not_refused() -> None:
    assert Profile([rule("organization", "title", on_missing=OnMissing.REJECT)]).compute(ADA).refused is None
    assert Profile([by_group(on_missing=OnMissing.REJECT)]).compute(ADA).refused is None
    assert Profile([rule("x", "nickName", default="-", on_missing=OnMissing.REJECT)]).compute(ADA).refused is None
