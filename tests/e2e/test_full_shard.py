"""With more mappings than a shard has space for, a deletion still takes roles from users."""

import json
import random
import string

from tests.e2e.installation import Installation
from tests.e2e.manifests import Object, role_mapping, rule

_MAPPINGS = 5
_RULES = 10


def large_mapping(namespace: str, name: str, dice: random.Random) -> Object:
    """A fifth of a mebibyte when it is compressed."""

    def group() -> Object:
        return {"displayName": "".join(dice.choices(string.ascii_letters + string.digits, k=220))}

    rules = [
        {"name": f"rule-{number}", "groups": [group() for _ in range(128)], "roles": ["admin"]}
        for number in range(_RULES)
    ]
    return role_mapping(namespace, name, *rules)


def test_a_deleted_mapping_ends_though_others_do_not_fit(installation: Installation, namespace: str) -> None:
    tenant, dice = installation.tenant(namespace, fallbackRoles=[]), random.Random(7)
    tenant.apply(role_mapping(namespace, "small", rule("admins", "Admins", "admin")))
    provider = tenant.provider()
    user = provider.create_user("ada@example.com")
    provider.create_group("Admins", user)
    try:
        for number in range(_MAPPINGS):  # by `create`: what `apply` remembers in an annotation would be too large
            body = json.dumps(large_mapping(namespace, f"large-{number}", dice))
            installation.cluster.kubectl("create", "-f", "-", stdin=body)
        installation.wait_for("provisioningconfigs", namespace, "okta", "Programmed", "False", "ShardFull")
        assert f"RoleMapping {namespace}/large-" in installation.operator.log.read_text()
        assert tenant.application(1).roles(user) == {"viewer", "admin"}

        installation.cluster.kubectl("delete", "rolemapping", "small", "-n", namespace)
        installation.wait_roles(tenant, user, {"viewer"}, "the deleted mapping's role is gone")

        installation.cluster.kubectl("delete", "rolemapping", "large-0", "large-1", "-n", namespace)
        installation.wait_for("provisioningconfigs", namespace, "okta", "Ready", "True")
    finally:
        installation.cluster.kubectl("delete", "rolemappings", "--all", "-n", namespace)
        installation.wait_until(
            lambda: (
                (installation.reader.get("provisioningconfigs", namespace, "okta") or {})["status"]["mappings"] == 0
            ),
            "the shard is small again for the other tests",
        )
