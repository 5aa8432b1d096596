"""A field of the API is everywhere that CONTRIBUTING.md says ("Add a field to the API, end to end")."""

import copy

import pytest
from pydantic import Field

from scim_operator.api import AttributeMapping, ProvisioningConfig, RoleMapping
from scim_operator.api.attribute_mapping import AttributeMappingSpec
from scim_operator.api.provisioning_config import Deprovisioning, ProvisioningConfigSpec
from scim_operator.api.resource import ApiModel
from scim_operator.api.role_mapping import RoleMappingSpec
from scim_server.config import Tenant
from tests.scim_operator.fields.places import crd_spec, delivered, lacks_of_api, lacks_of_contract

SPECS: dict[str, type[ApiModel]] = {
    ProvisioningConfig.kind: ProvisioningConfigSpec,
    RoleMapping.kind: RoleMappingSpec,
    AttributeMapping.kind: AttributeMappingSpec,
}


@pytest.mark.parametrize("kind", SPECS)
def test_no_field_of_the_api_lacks_a_place(kind: str) -> None:
    assert lacks_of_api(kind, SPECS[kind], crd_spec(kind)) == []


def test_no_field_of_the_contract_lacks_a_place() -> None:
    assert lacks_of_contract(delivered()) == []


class _MoreDeprovisioning(Deprovisioning):
    shoe_size: int = 43


class _MoreSpec(ProvisioningConfigSpec):
    deprovisioning: _MoreDeprovisioning = _MoreDeprovisioning()


def test_a_field_that_is_only_in_the_model_is_named_with_each_place() -> None:
    kind = ProvisioningConfig.kind
    assert lacks_of_api(kind, _MoreSpec, crd_spec(kind)) == [
        f"ProvisioningConfig spec.deprovisioning.shoeSize: {place}"
        for place in (
            "crds/",
            "a value in tests/scim_operator/fields/everything.yaml",
            "docs/ or examples/",
        )
    ]


def test_a_field_that_is_only_in_the_definition_is_named() -> None:
    crd = copy.deepcopy(crd_spec(RoleMapping.kind))
    crd["properties"]["rules"]["items"]["properties"]["shoeSize"] = {"type": "integer"}
    assert lacks_of_api(RoleMapping.kind, RoleMappingSpec, crd)[:2] == [
        f"RoleMapping spec.rules.shoeSize: {place}"
        for place in ("the model in operator/scim_operator/api", "a description in crds/")
    ]


def test_a_field_whose_values_make_no_difference_is_named() -> None:
    """Here because it may have one value only."""
    kind = ProvisioningConfig.kind
    crd = copy.deepcopy(crd_spec(kind))
    crd["required"].append("displayName")
    crd["properties"]["displayName"] = {"enum": ["Okta of Acme"], "description": "A name."}
    assert lacks_of_api(kind, SPECS[kind], crd) == [
        "ProvisioningConfig spec.displayName: operator/scim_operator/plan: its value changes nothing"
    ]


class _MoreTenant(Tenant):
    shoe_size: int | None = Field(default=None)


@pytest.mark.parametrize(
    ("shoe_size", "place"),
    [
        (None, "operator/scim_operator/plan, from everything.yaml"),
        (43, "operator/scim_operator/local/changes.py: no line says that it changed"),
    ],
)
def test_a_field_that_is_only_in_the_contract_is_named(shoe_size: int | None, place: str) -> None:
    tenant = _MoreTenant(**dict(delivered()), shoe_size=shoe_size)
    assert lacks_of_contract(tenant) == [
        "Tenant shoeSize: scim_server: nothing reads it",
        f"Tenant shoeSize: {place}",
    ]
