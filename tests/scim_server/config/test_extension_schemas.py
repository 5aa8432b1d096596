"""Which extension schemas can be declared."""

from typing import Any

import pytest
from pydantic import ValidationError

from scim_server.config import ExtensionSchema

SCHEMA: dict[str, Any] = {"mapping": "acme/app", "id": "urn:acme:app", "attributes": [{"name": "orgName"}]}
PARTS = [{"name": "value"}]


def test_the_least_that_is_needed() -> None:
    schema = ExtensionSchema.model_validate(SCHEMA)
    (attribute,) = schema.attributes
    assert (schema.resource_type, attribute.type, attribute.multi_valued) == ("User", "string", False)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"id": "acme:app"}, "id"),
        ({"id": "urn:acme:app:"}, "id"),
        ({"id": 'urn:acme:"x'}, "id"),
        ({"id": "urn:ietf:params:scim:schemas:core:2.0:User"}, "id"),
        ({"id": "URN:IETF:params:scim:schemas:extension:enterprise:2.0:User"}, "id"),
        ({"id": "urn:scim-operator:params:x"}, "id"),
        ({"resourceType": "Device"}, "resourceType"),
        ({"attributes": []}, "attributes"),
        ({"attributes": [{"name": "a b"}]}, "name"),
        ({"attributes": [{"name": "a.b"}]}, "name"),
        ({"attributes": [{"name": "$ref"}]}, "name"),
        ({"attributes": [{"name": "a", "type": "text"}]}, "type"),
        ({"attributes": [{"name": "a"}, {"name": "A"}]}, "'A' appears more than once"),
        ({"attributes": [{"name": "a", "type": "complex"}]}, "subAttributes"),
        ({"attributes": [{"name": "a", "subAttributes": PARTS}]}, "subAttributes"),
        ({"attributes": [{"name": "a", "type": "complex", "subAttributes": PARTS * 2}]}, "'value' appears more"),
        (
            {"attributes": [{"name": "a", "type": "complex", "subAttributes": [{"name": "b", "type": "complex"}]}]},
            "b",
        ),
    ],
)
def test_what_is_refused(change: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ExtensionSchema.model_validate(SCHEMA | change)
    assert place in str(refused.value)
