"""The tenants of the filled databases, revision by revision of their configuration. Stored answers depend on it."""

from scim_server.config import AttributeRule, ConfigBundle, ExtensionSchema, GroupSelector, RoleRule, Tenant
from scim_server.config.model import Deprovisioning
from tests.support.serving import ENTERPRISE, Connection, bundle_of

APP = "urn:acme:scim:schemas:extension:app:2.0:User"
TEAM = "urn:acme:scim:schemas:extension:app:2.0:Group"
DAY = 24 * 3600
_ROLES = ("admin", "analyst", "viewer", "guest")
"""In the order of the stored answers, whatever the order of other tests' tenants."""

OKTA = Connection(
    "acme/okta",
    rules=(
        ("admins", {"display_name": "App Admins"}, ("admin",)),
        ("analysts", {"external_id": "00g-analysts"}, ("analyst",)),
        ("teams", {"display_name_pattern": "Team .*"}, ("analyst", "viewer")),
    ),
    attributes=(
        AttributeRule(mapping="acme/profile", target="department", path=f"{ENTERPRISE}:department"),
        AttributeRule(mapping="acme/profile", target="badge", path=f"{APP}:badge", default="none"),
    ),
    delay_seconds=365 * DAY,
)
ENTRA = Connection("umbrella/entra", base_roles=(), fallback_roles=("guest",), delay_seconds=3 * DAY)
PENDING = Connection("acme/pending")
"""Its rules change last, and no server has brought them to its users yet."""
GONE = Connection("acme/gone")
ERASED = Connection("acme/erased")
RETURNED = Connection("acme/returned")
"""Deleted, and made anew by the same name."""
EMPTY = Connection("umbrella/empty")

SERVED = (OKTA, ENTRA, PENDING, RETURNED, EMPTY)
CONNECTIONS = (*SERVED, GONE, ERASED)
LAST_REVISION = 4

_SCHEMAS = (
    {
        "mapping": "acme/app",
        "id": APP,
        "attributes": [
            {"name": "badge", "caseExact": True},
            {"name": "level", "type": "integer"},
            {"name": "hired", "type": "dateTime"},
            {"name": "tags", "multiValued": True},
        ],
    },
    {
        "mapping": "acme/app",
        "id": TEAM,
        "resourceType": "Group",
        "attributes": [{"name": "budget", "type": "integer"}],
    },
)


def bundle(revision: int) -> ConfigBundle:
    """1: all are there. 2: three are deleted. 3: one of those is back. 4: the rules of one have changed."""
    whole = bundle_of(*CONNECTIONS, revision=revision)
    tenants = tuple(_tenant(tenant, revision) for tenant in whole.config.tenants)
    digests = {
        tenant.credential_key(name): whole.secrets.digests[tenant.credential_key(name)]
        for tenant in tenants
        for name in tenant.digest_names
    }
    return ConfigBundle(
        config=whole.config.model_copy(update={"tenants": tenants}),
        secrets=whole.secrets.model_copy(update={"digests": digests}),
    )


def _tenant(tenant: Tenant, revision: int) -> Tenant:
    roles = sorted(tenant.roles, key=lambda role: _ROLES.index(role.name))
    changes: dict[str, object] = {"uid": f"first-{tenant.name}", "roles": tuple(roles)}
    match tenant.key:
        case OKTA.key:
            changes["schemas"] = tuple(ExtensionSchema.model_validate(schema) for schema in _SCHEMAS)
        case GONE.key | ERASED.key | RETURNED.key if revision >= 2:
            if tenant.key == RETURNED.key and revision >= 3:
                changes["uid"] = "second-returned"
            else:
                kept_days = 0 if tenant.key == ERASED.key else 365
                changes |= {
                    "deleted": True,
                    "credentials": (),
                    "deprovisioning": Deprovisioning(retention_seconds=kept_days * DAY),
                }
        case PENDING.key if revision >= LAST_REVISION:
            everyone = (GroupSelector(display_name="Everyone"),)
            rules = (RoleRule(mapping="acme/mapping", rule="all", groups=everyone, roles=("admin",)),)
            changes |= {"rules": rules, "base_roles": ("analyst",), "fallback_roles": ()}
    return tenant.model_copy(update=changes)
