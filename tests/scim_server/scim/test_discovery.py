from scim2_models import ResourceType as PeerResourceType
from scim2_models import Schema as PeerSchema
from scim2_models import ServiceProviderConfig as PeerConfig

from scim_server.scim.core_schemas import USER_URN
from scim_server.scim.discovery import (
    BASIC,
    BEARER,
    Features,
    find_document,
    resource_type_documents,
    schema_documents,
    service_provider_config,
)
from scim_server.scim.resource_types import GROUP_TYPE
from tests.scim_server.scim.strategies import CUSTOM_URN, USER_WITH_APP

BASE = "https://scim.example.com/acme/okta/scim/v2"
TYPES = (USER_WITH_APP, GROUP_TYPE)


def test_another_implementation_reads_the_schemas() -> None:
    documents = schema_documents(TYPES, BASE)
    for document in documents:
        schema = PeerSchema.model_validate(document)
        assert schema.id == document["id"]
        assert {a.name for a in schema.attributes or []} == {a["name"] for a in document["attributes"]}
        assert document["meta"]["location"] == f"{BASE}/Schemas/{document['id']}"
    assert CUSTOM_URN in {document["id"] for document in documents}


def test_another_implementation_reads_the_resource_types() -> None:
    user, group = resource_type_documents(TYPES, BASE)
    assert PeerResourceType.model_validate(user).id == user["name"] == "User"
    assert {extension["schema"] for extension in user["schemaExtensions"]} >= {CUSTOM_URN}
    assert group["endpoint"] == "/Groups"
    assert "schemaExtensions" not in group


def test_only_what_is_supported_is_announced() -> None:
    document = service_provider_config(Features(authentication_schemes=(BASIC, BEARER), max_results=50), BASE)
    config = PeerConfig.model_validate(document)
    assert config.patch
    assert config.patch.supported
    assert config.bulk
    assert not config.bulk.supported
    assert document["filter"] == {"supported": True, "maxResults": 50}
    assert [(s["type"], s["primary"]) for s in document["authenticationSchemes"]] == [
        ("httpbasic", True),
        ("oauthbearertoken", False),
    ]
    assert "cursorTimeout" not in document["pagination"]
    with_cursors = service_provider_config(Features(cursor_pagination=True, cursor_timeout=600), BASE)
    assert with_cursors["pagination"]["cursorTimeout"] == 600


def test_single_documents_are_found_by_id_in_any_case() -> None:
    documents = schema_documents(TYPES, BASE)
    found = find_document(documents, USER_URN.upper())
    assert found
    assert found["name"] == "User"
    assert find_document(documents, "urn:x") is None


def test_every_label_declares_its_values() -> None:
    declared = [
        (attribute["name"], sub_attribute.get("canonicalValues"))
        for document in schema_documents(TYPES, BASE)
        for attribute in document["attributes"]
        for sub_attribute in attribute.get("subAttributes", ())
        if sub_attribute["name"] == "type"
    ]
    assert ("emails", ["work", "home", "other"]) in declared
    assert ("roles", []) in declared
    assert all(isinstance(values, list) for _, values in declared)
