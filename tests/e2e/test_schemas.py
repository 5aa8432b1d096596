"""A schema that an AttributeMapping declares is there for clients of both replicas, until the mapping goes."""

import httpx
import pytest

from tests.e2e.installed import Installed
from tests.e2e.manifests import attribute_mapping

HR = "urn:acme:scim:schemas:extension:hr:2.0:User"


def test_attributes_of_a_declared_schema(installation: Installed, namespace: str) -> None:
    tenant = installation.tenant(namespace)
    mapping = attribute_mapping(namespace, "hr", {"target": "shift", "path": f"{HR}:shift", "default": "none"})
    mapping["spec"]["schemas"] = [
        {"id": HR, "attributes": [{"name": "shift"}, {"name": "level", "type": "integer"}]},
    ]
    tenant.apply(mapping)
    first, second = tenant.provider(0), tenant.provider(1)
    assert HR in first.schemas() & second.schemas()
    ada = first.create_user("ada@example.com", **{HR: {"shift": "night", "level": 3}})
    second.create_user("eve@example.com")
    assert second.found(f'{HR}:shift eq "night"') == {"ada@example.com"}
    assert first.found(f"{HR}:level gt 2") == {"ada@example.com"}
    second.patch_user(ada, op="replace", path=f"{HR}:shift", value="day")
    assert first.user(ada)[HR] == {"shift": "day", "level": 3}
    assert first.found(f'{HR}:shift eq "night"') == set()
    for application in tenant.applications():
        assert application.effective(ada)["profile"]["shift"] == "day"

    mapping["spec"]["schemas"][0]["attributes"].append({"name": "desk"})
    installation.cluster.apply(mapping)
    installation.wait_for("attributemappings", namespace, "hr", "Programmed", "True")
    second.patch_user(ada, op="add", path=f"{HR}:desk", value="A7")
    assert first.found(f'{HR}:desk eq "A7"') == {"ada@example.com"}

    installation.cluster.kubectl("delete", "attributemapping", "hr", "-n", namespace)
    for provider in (first, second):
        installation.wait_until(lambda one=provider: HR not in one.schemas(), "the schema is gone")  # type: ignore[misc]
        with pytest.raises(httpx.HTTPStatusError, match="400"):
            provider.found(f'{HR}:shift eq "day"')
    assert first.user(ada)["userName"] == "ada@example.com"


def test_of_two_mappings_that_declare_a_schema_the_older_has_it(installation: Installed, namespace: str) -> None:
    tenant = installation.tenant(namespace)
    older = attribute_mapping(namespace, "z-older", {"target": "shift", "path": f"{HR}:shift"})
    older["spec"]["schemas"] = [{"id": HR, "attributes": [{"name": "shift"}]}]
    tenant.apply(older)
    created = installation.reader.get("attributemappings", namespace, "z-older")
    assert created is not None
    younger = attribute_mapping(namespace, "a-younger", {"target": "desk", "path": f"{HR}:desk", "default": "?"})
    younger["spec"]["schemas"] = [{"id": HR.replace(":hr:", ":Hr:"), "attributes": [{"name": "desk"}]}]

    def is_younger() -> bool:
        """Times have whole seconds."""
        installation.cluster.kubectl("delete", "attributemapping", "a-younger", "-n", namespace, "--ignore-not-found")
        installation.cluster.apply(younger)
        found = installation.reader.get("attributemappings", namespace, "a-younger")
        stamp = "creationTimestamp"
        return found is not None and found["metadata"][stamp] > created["metadata"][stamp]

    installation.wait_until(is_younger, "another second")
    found = installation.wait_for("attributemappings", namespace, "a-younger", "Accepted", "False", "Conflict")
    assert f"{namespace}/z-older" in found["message"]
    installation.cluster.kubectl("delete", "attributemapping", "z-older", "-n", namespace)
    installation.wait_for("attributemappings", namespace, "a-younger", "Accepted", "True")
    installation.wait_for("attributemappings", namespace, "a-younger", "Programmed", "True")
    assert HR.replace(":hr:", ":Hr:") in tenant.provider(1).schemas()
