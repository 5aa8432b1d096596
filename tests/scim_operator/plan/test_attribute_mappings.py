from typing import Any

import pytest

from scim_operator.api import AttributeMapping, InvalidObject, ObjectKey
from scim_operator.plan import MappingVerdict, TenantPlan
from scim_server.config import AttributeRule
from tests.scim_operator.objects import attribute_mapping, config, metadata
from tests.scim_operator.plan.inputs import again, plan, profile

TEAM = {"target": "team", "path": "department", "default": "none"}
COST = {"target": "costs", "default": "0"}


def verdict(planned: TenantPlan, name: str, namespace: str = "acme") -> MappingVerdict:
    return planned.mapping_verdicts["AttributeMapping", ObjectKey(namespace, name)]


def test_attributes_reach_the_contract() -> None:
    planned = plan(attribute_mapping("a", TEAM, COST))

    assert planned.tenant is not None
    assert planned.tenant.attributes == (
        AttributeRule(mapping="acme/a", target="costs", default="0"),
        AttributeRule(mapping="acme/a", target="team", path="department", default="none"),
    )
    assert verdict(planned, "a").reason == "Accepted"


def test_of_two_mappings_that_claim_a_target_the_older_has_it() -> None:
    older = attribute_mapping("z", TEAM, creationTimestamp="2026-01-01T00:00:00Z")
    younger = attribute_mapping("a", TEAM, creationTimestamp="2026-01-02T00:00:00Z")

    planned = plan(younger, older)

    assert profile(planned) == {"team": "acme/z"}
    lost = verdict(planned, "a")
    assert (lost.accepted, lost.reason) == (False, "Conflict")
    assert lost.message == 'target "team" belongs to the older AttributeMapping acme/z'
    assert lost.problems[0].field == "spec.attributes[0].target"


def test_of_two_that_are_equally_old_the_first_by_namespace_and_name_has_it() -> None:
    ref = {"name": "okta", "namespace": "acme"}
    planned = plan(
        attribute_mapping("a", TEAM, namespace="zeta", ref=ref),
        attribute_mapping("b", TEAM),
        attribute_mapping("c", TEAM),
        config=config(allowedNamespaces={"from": "All"}),
    )

    assert profile(planned) == {"team": "acme/b"}
    assert "acme/b" in verdict(planned, "c").message
    assert "acme/b" in verdict(planned, "a", "zeta").message


def test_what_is_not_in_conflict_works() -> None:
    planned = plan(
        attribute_mapping("old", TEAM, creationTimestamp="2026-01-01T00:00:00Z"), attribute_mapping("new", TEAM, COST)
    )

    assert profile(planned) == {"team": "acme/old", "costs": "acme/new"}
    assert (verdict(planned, "new").accepted, verdict(planned, "new").reason) == (False, "Conflict")
    assert verdict(planned, "new").in_effect


def test_when_the_winner_goes_the_next_one_has_the_target() -> None:
    planned = plan(
        attribute_mapping("old", TEAM, deletionTimestamp="2026-11-05T12:00:00Z"), attribute_mapping("new", TEAM)
    )

    assert profile(planned) == {"team": "acme/new"}


def test_a_mapping_that_may_not_attach_claims_nothing() -> None:
    foreign = attribute_mapping(
        "a",
        TEAM,
        namespace="team-a",
        ref={"name": "okta", "namespace": "acme"},
        creationTimestamp="2020-01-01T00:00:00Z",
    )

    assert profile(plan(foreign, attribute_mapping("b", TEAM))) == {"team": "acme/b"}


APP = "urn:acme:scim:schemas:extension:app:2.0:User"


def declaring(name: str, *schemas: dict[str, Any], **meta: Any) -> AttributeMapping:
    return AttributeMapping.from_object(
        {"metadata": metadata(name, **meta), "spec": {"configRef": {"name": "okta"}, "schemas": list(schemas)}}
    )


def schema(urn: str = APP, *names: str) -> dict[str, Any]:
    return {"id": urn, "attributes": [{"name": name} for name in names or ("orgName",)]}


def test_schemas_reach_the_contract() -> None:
    desks = {"name": "desks", "type": "complex", "multiValued": True, "subAttributes": [{"name": "value"}]}
    planned = plan(declaring("a", {**schema(), "resourceType": "Group", "attributes": [desks]}))

    assert planned.tenant is not None
    (declared,) = planned.tenant.schemas
    assert (declared.mapping, declared.id, declared.resource_type) == ("acme/a", APP, "Group")
    assert declared.attributes[0].sub_attributes[0].name == "value"
    assert verdict(planned, "a").reason == "Accepted"


def test_of_two_mappings_that_declare_a_schema_the_older_has_it() -> None:
    older = declaring("z", schema(APP, "old"), creationTimestamp="2026-01-01T00:00:00Z")
    younger = declaring("a", schema(APP.lower(), "new"), schema("urn:acme:other"))

    planned = plan(younger, older)

    assert planned.tenant is not None
    assert [(each.mapping, each.id) for each in planned.tenant.schemas] == [
        ("acme/a", "urn:acme:other"),
        ("acme/z", APP),
    ]
    lost = verdict(planned, "a")
    assert (lost.accepted, lost.in_effect, lost.reason) == (False, True, "Conflict")
    assert f'schema "{APP.lower()}" is declared by the older AttributeMapping acme/z' in lost.message
    assert lost.problems[0].field == "spec.schemas[0].id"


def test_a_mapping_that_loses_all_is_in_conflict() -> None:
    planned = plan(declaring("z", schema(), creationTimestamp="2026-01-01T00:00:00Z"), declaring("a", schema()))

    assert (verdict(planned, "a").accepted, verdict(planned, "a").reason) == (False, "Conflict")


@pytest.mark.parametrize(
    ("schemas", "field"),
    [
        ([], "attributes or schemas is expected"),
        ([schema(), schema(APP.upper().replace("URN", "urn"))], "schema"),
        ([schema("urn:ietf:params:scim:schemas:core:2.0:User")], "spec.schemas[0].id"),
        ([schema(APP, "a", "A")], "spec.schemas[0]"),
        ([{"id": APP, "attributes": [{"name": "a", "type": "complex"}]}], "spec.schemas[0].attributes[0]"),
    ],
)
def test_declarations_that_cannot_be_read(schemas: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(InvalidObject) as refused:
        declaring("a", *schemas)
    assert field in str(refused.value)


def test_conformance_reaches_the_contract() -> None:
    for conformance in ("Tolerant", "Strict"):
        planned = plan(config=config(conformance=conformance))
        assert planned.tenant is not None
        assert planned.tenant.conformance == conformance


def test_a_path_that_names_nothing_is_told_to_its_author() -> None:
    planned = plan(attribute_mapping("a", {"target": "first", "path": "name.givneName", "default": "?"}, COST))

    assert profile(planned) == {"costs": "acme/a"}
    told = verdict(planned, "a")
    assert (told.accepted, told.in_effect, told.reason) == (False, True, "AttributeNotFound")
    assert [(one.field, one.reason) for one in told.problems] == [("spec.attributes[0].path", "AttributeNotFound")]
    assert told.message == (
        'path "name.givneName" names no attribute of a user by the standard or a declared schema; '
        'did you mean givenName?; target "first" is left out; the other attributes are in effect'
    )


def test_an_attribute_whose_path_names_nothing_keeps_its_source() -> None:
    before = plan(attribute_mapping("a", TEAM, COST))

    after = again(before, attribute_mapping("a", TEAM | {"path": "departmnt"}, COST))

    assert after.tenant == before.tenant
    told = verdict(after, "a")
    assert (told.accepted, told.in_effect, told.reason) == (False, True, "AttributeNotFound")
    assert 'target "team" keeps coming from department' in told.message
    assert profile(again(after, attribute_mapping("a", COST))) == {"costs": "acme/a"}
    corrected = again(after, attribute_mapping("a", TEAM | {"path": "title"}, COST))
    assert verdict(corrected, "a").accepted


def test_a_schema_that_a_kept_attribute_reads_stays_until_its_mapping_goes() -> None:
    path = f"{APP}:level"
    level = attribute_mapping("level", {"target": "level", "path": path})
    before = plan(declaring("s", schema(APP, "level")), level)
    assert verdict(before, "level").accepted

    misspelt = declaring("s", schema(APP.replace("app", "ap"), "level"))
    after = again(before, misspelt, level)

    assert after.tenant is not None
    assert APP in {each.id for each in after.tenant.schemas}
    assert profile(after) == {"level": "acme/level"}
    assert again(after, misspelt, level).tenant == after.tenant
    gone = again(after, level)
    assert gone.tenant is not None
    assert gone.tenant.schemas == ()


def test_an_attribute_mapping_that_does_not_parse_keeps_what_it_gave() -> None:
    key = ("AttributeMapping", ObjectKey("acme", "a"))
    before = plan(attribute_mapping("a", TEAM, COST, creationTimestamp="2026-01-01T00:00:00Z"))

    other = attribute_mapping("b", TEAM, creationTimestamp="2026-01-02T00:00:00Z")
    after = again(before, other, invalid_mappings={key: "spec.attributes: a list is expected"})

    assert after.tenant == before.tenant
    told = after.mapping_verdicts[key]
    assert (told.accepted, told.in_effect, told.reason) == (False, True, "InvalidSpec")
    assert verdict(after, "b").reason == "Conflict"
    assert profile(again(after, other)) == {"team": "acme/b"}
