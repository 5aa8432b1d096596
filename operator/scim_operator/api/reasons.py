"""Types and reasons of conditions: everything a user can read in `status.conditions`, in one place.

On a ProvisioningConfig:

* `ResolvedRefs`: every credential and every webhook's signing key that the spec names can be used.
  False: one or more can't; the reason is that of the first, the message names each with its Secret. The others
  work. A credential that has expired makes it False only when no other one is left; while there is, the message
  of the true condition names it.
* `Stalled`: the spec can't be used as it is, and only its author can change that. What was delivered before goes
  on working: the settings as they were, the mappings as they are now.
* `Programmed`: every ready server runs this configuration.
* `Suspended`: only there while `spec.suspend` is true: what was delivered goes on, and changes wait.
* `Reconciling`: work is going on. `Ready`: the summary. It is False with reason `MappingsNotAsDeclared` when all else
  is well and a mapping that may attach is not accepted.

On a RoleMapping or AttributeMapping:

* `Accepted`: all of it is in effect as declared. False: the message names each rule, attribute or schema that isn't,
  its problem, and what of it is in effect meanwhile (see `plan/kept_rules.py`). The reason is that of the first part
  that can't be used. It is `PartiallyInvalid` when every rule can be used, and some of their roles are unknown.
* `Programmed`: every ready server runs what is in effect of the mapping. False with reason `NotAccepted` when nothing
  is.
* `Stalled`: only the author of the mapping can mend it. `Ready`: the summary.
"""

from typing import Final

# Types.
READY: Final = "Ready"
"""The summary of the others: what to wait for."""
RECONCILING: Final = "Reconciling"
"""The operator is at it; or a replica doesn't do its part, and the others run it meanwhile."""
STALLED: Final = "Stalled"
"""Only the author of the object can mend it. What was delivered before goes on."""
RESOLVED_REFS: Final = "ResolvedRefs"
"""Of a ProvisioningConfig: every credential and every webhook's signing key that the spec names can be used. False:
the message names each that can't, with its Secret; the others work."""
PROGRAMMED: Final = "Programmed"
"""Every ready server runs it, and the roles of existing users follow. Of a mapping: every ready server runs what is
in effect of it."""
ACCEPTED: Final = "Accepted"
"""Of a mapping: all of it is in effect as declared. False: the message names each rule, attribute or schema that
isn't, what is wrong, and what of it is in effect meanwhile."""
SUSPENDED: Final = "Suspended"
"""Only there while `spec.suspend` is true: what was delivered goes on, and changes wait. Also the reason of what
waits for the end of it."""

HELD: Final = "Held"
"""Of a ProvisioningConfig, only there while something is held: a guard has tripped, or a protected user should have
been deactivated. The message names the holds; `status.holds` has them."""
GROUP_NOT_FOUND: Final = "GroupNotFound"
"""Of a RoleMapping, only there while it is so: rules name groups that no provider has sent, or sends no longer, after
a rename say. The message names them. Also the reason."""
EXPRESSION_FAILED: Final = "ExpressionFailed"
"""Of a mapping, only there while it is so: an expression can't be evaluated for some users, who have no value by it.
Also the reason."""

# Held.
DEACTIVATIONS_HELD: Final = "DeactivationsHeld"
"""More users were set inactive or deleted than `safety.maxDeactivations` allows."""
ROLE_CHANGES_HELD: Final = "RoleChangesHeld"
"""A change of mappings takes roles from more users than `safety.maxRoleChanges` allows."""
USERS_PROTECTED: Final = "UsersProtected"
"""A provider wanted to block, deactivate or delete one of `safety.protectedUsers`."""

# ResolvedRefs. When true, the reason is the type's own name.
SECRET_NOT_FOUND: Final = "SecretNotFound"  # noqa: S105 - a reason, not a secret
"""There is no Secret of the name in the namespace of the ProvisioningConfig."""
SECRET_KEY_NOT_FOUND: Final = "SecretKeyNotFound"  # noqa: S105
"""The Secret is there and doesn't have the key."""
TOKEN_TOO_SHORT: Final = "TokenTooShort"  # noqa: S105
"""A token has 20 bytes at least: make one with `openssl rand -base64 32`."""
TOKEN_UNUSABLE: Final = "TokenUnusable"  # noqa: S105
"""The token is too long, or holds characters, to be sent in an Authorization header (RFC 6750 §2.1)."""
PASSWORD_TOO_SHORT: Final = "PasswordTooShort"  # noqa: S105
"""A password or client secret has 20 bytes at least."""
PASSWORD_UNUSABLE: Final = "PasswordUnusable"  # noqa: S105
"""A user name, password or client secret that no client can send (RFC 7617 §2), or that is too long."""
SECRET_SHARED: Final = "SecretShared"  # noqa: S105
"""The token or password is that of another credential as well, which has a narrower access or is for another user:
only that one works."""
KEY_SET_UNUSABLE: Final = "KeySetUnusable"
"""Not a JSON Web Key Set with a public key that can verify a signature."""
SIGNING_KEY_UNUSABLE: Final = "SigningKeyUnusable"
"""The signing key of a webhook is too short, too long or no base64: make one with
`echo "whsec_$(openssl rand -base64 32)"`. Its events wait meanwhile."""
CREDENTIAL_EXPIRED: Final = "CredentialExpired"
"""The `expiresAt` of the last credential that was left has passed: nobody gets in. While another one works, the
message of the true condition names those that have expired."""

# Stalled.
INVALID_SPEC: Final = "InvalidSpec"
"""The spec can't be used as it is; the message names the field."""
NOT_STALLED: Final = "NotStalled"
"""Nothing waits for the author."""

# Accepted. When all is well, the reason is the type's own name.
CONFIG_NOT_FOUND: Final = "ConfigNotFound"
"""There is no such ProvisioningConfig, or it doesn't allow mappings from this namespace: the two read alike, so
that nobody learns by trying what other namespaces hold."""
CONFIG_INVALID: Final = "ConfigInvalid"
"""The ProvisioningConfig is stalled and was never delivered."""
ROLE_NOT_FOUND: Final = "RoleNotFound"
"""No role of a rule is in the catalogue of the ProvisioningConfig; the message says which name was probably meant."""
INVALID_PATTERN: Final = "InvalidPattern"
"""A `displayNamePattern` isn't an RE2 expression."""
INVALID_EXPRESSION: Final = "InvalidExpression"
"""A `when` or an `expression` isn't CEL that the server evaluates, or names an attribute that no user can have."""
ATTRIBUTE_NOT_FOUND: Final = "AttributeNotFound"
"""A path names nothing that a user has by the standard's schemas and those that mappings declare."""
CONFLICT: Final = "Conflict"
"""An older AttributeMapping claims the target or the schema."""
PARTIALLY_INVALID: Final = "PartiallyInvalid"
"""Every rule can be used, and some of their roles aren't in the catalogue: the others are granted."""

RULE_ENDED: Final = "RuleEnded"
"""Of `validate` alone: the `notAfter` of a rule has passed, so that it gives nothing. The message of the true
condition says it too."""

WAITING_FOR_CONFIG: Final = frozenset((CONFIG_NOT_FOUND, CONFIG_INVALID))
"""Reasons for which nothing is wrong with the mapping itself."""

# Ready, Reconciling and Programmed.
MAPPINGS_NOT_AS_DECLARED: Final = "MappingsNotAsDeclared"
"""All else is well, and a mapping that may attach isn't accepted: look at the mappings."""
SUCCEEDED: Final = "Succeeded"
"""All is as declared."""
IN_PROGRESS: Final = "InProgress"
"""The operator is at it: wait."""
NO_REPLICAS: Final = "NoReplicas"
"""No server replica is ready. Nothing is lost: it acts when one is."""
REPLICA_UNAVAILABLE: Final = "ReplicaUnavailable"
"""A server replica doesn't answer, or not as it should; the message says the kind of fault."""
REPLICA_REJECTED: Final = "ReplicaRejected"
"""A server replica refuses the configuration and goes on with the one it has: most often it is older than the
operator."""
SHARD_FULL: Final = "ShardFull"
"""The shard that holds the tenant is full: something new in this object waits. What was removed from it is out of
effect nevertheless, and the rest goes on."""
NOT_ACCEPTED: Final = "NotAccepted"
"""Nothing of the mapping can be programmed; `Accepted` says why."""

# Of Events alone.
HOLD_ENDED: Final = "HoldEnded"
"""A hold has ended: by a decision, by its expiry, or because the provider took its change back."""
WEBHOOK_FAILING: Final = "WebhookFailing"
"""A webhook doesn't take events: they wait, and are sent again over three days."""
WEBHOOK_DISABLED: Final = "WebhookDisabled"
"""A webhook answered 410: nothing is sent until it is changed in the spec."""
WEBHOOK_RECOVERED: Final = "WebhookRecovered"
"""A webhook takes events again."""
FORMER_USERS: Final = "FormerUsers"
"""The ProvisioningConfig has found users of a deleted one of its name."""
