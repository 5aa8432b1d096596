"""The read-only extension with what follows from a user's document and groups: state, roles with reasons, profile.

Returned on request only (`returned: request`); a credential with `access: Read` has it requested for it, see
`resource.Projection`. Ignored when sent, and can be filtered on.
"""

from collections.abc import Iterable

from scim_server.scim.schema import Attribute, AttributeType, Schema

EFFECTIVE_URN = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User"
EFFECTIVE_ALIAS = "effective"
"""What clients may write for the URN: `attributes=effective`, `filter=effective:state eq "active"`."""

STANDARD_PROFILE = (
    "userName",
    "externalId",
    "displayName",
    "givenName",
    "familyName",
    "email",
    "title",
    "department",
    "division",
    "organization",
    "costCenter",
    "employeeNumber",
    "employeeType",
    "manager",
    "locality",
    "region",
    "country",
    "phone",
    "locale",
    "timezone",
    "active",
)
"""Keys that every user's profile may have; attribute mappings add their targets."""


def _read_only(name: str, description: str, type_: AttributeType = "string", *, case_exact: bool = True) -> Attribute:
    return Attribute(name, type_, description, case_exact=case_exact, mutability="readOnly")


def effective_schema(profile_targets: Iterable[str] = ()) -> Schema:
    """The extension for a tenant whose attribute mappings write `profile_targets` into the profile."""
    profile_keys = dict.fromkeys((*STANDARD_PROFILE, *profile_targets))
    reasons = Attribute(
        "reasons",
        "complex",
        "Why the user has the role",
        multi_valued=True,
        mutability="readOnly",
        sub_attributes=(
            _read_only("source", "base, fallback or provider, for a role that no mapping gave"),
            _read_only("mapping", "Namespace and name of the RoleMapping"),
            _read_only("rule", "Name of the rule in the mapping"),
            _read_only("group", "displayName of the group that matched", case_exact=False),
        ),
    )
    return Schema(
        EFFECTIVE_URN,
        "EffectiveUser",
        "What the application should grant: state, roles, permissions and profile",
        (
            Attribute(
                "state",
                description="Where the user is in the life cycle",
                case_exact=True,
                mutability="readOnly",
                returned="request",
                canonical_values=("active", "blocked", "deactivated"),
            ),
            Attribute(
                "roles",
                "complex",
                "Effective roles",
                multi_valued=True,
                mutability="readOnly",
                returned="request",
                sub_attributes=(
                    _read_only("value", "Name of the role in the catalogue"),
                    _read_only("display", "Display name of the role", case_exact=False),
                    _read_only("since", "When the user got the role", "dateTime"),
                    reasons,
                ),
            ),
            Attribute(
                "permissions",
                description="Permissions of all effective roles",
                multi_valued=True,
                case_exact=True,
                mutability="readOnly",
                returned="request",
            ),
            Attribute(
                "profile",
                "complex",
                "Attributes as the application should see them",
                mutability="readOnly",
                returned="request",
                sub_attributes=tuple(
                    _read_only(key, "", "boolean" if key == "active" else "string", case_exact=False)
                    for key in profile_keys
                ),
            ),
        ),
    )
