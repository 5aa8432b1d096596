"""Guards and decisions, in the contract's words."""

from scim_operator.api import ProvisioningConfig
from scim_server.config import DeactivationLimit, HoldDecision, ProtectedUser, RoleChangeLimit, Safety


def safety_of(config: ProvisioningConfig) -> Safety:
    """The order of users and decisions in YAML means nothing."""
    spec = config.spec.safety
    protected = {
        ProtectedUser(user_name=user.user_name, external_id=user.external_id, id=user.id)
        for user in spec.protected_users
    }
    decisions = (HoldDecision(hold=one.hold, decision=one.decision) for one in spec.decisions)
    limit = spec.max_deactivations
    return Safety(
        protected_users=tuple(
            sorted(protected, key=lambda user: (user.user_name or "", user.external_id or "", user.id or ""))
        ),
        max_deactivations=DeactivationLimit(
            percent=limit.percent, count=limit.count, per_seconds=int(limit.per.total_seconds())
        ),
        max_role_changes=RoleChangeLimit(percent=spec.max_role_changes.percent, count=spec.max_role_changes.count),
        hold_for_seconds=int(spec.hold_for.total_seconds()),
        on_hold_expiry=spec.on_hold_expiry,
        decisions=tuple(sorted(decisions, key=lambda decision: decision.hold)),
    )
