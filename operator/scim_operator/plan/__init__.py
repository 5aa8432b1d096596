"""From custom resources and Secrets to the server's configuration: pure functions.

`plan_tenant` makes one tenant of the contract and says what is wrong with its parts; `assemble` puts tenants
together. Both are deterministic and don't depend on the order of what they are given.
"""

from scim_operator.plan.assemble import assemble, same_content
from scim_operator.plan.inputs import TenantInputs
from scim_operator.plan.reduction import reduced
from scim_operator.plan.references import secret_refs
from scim_operator.plan.tenant import plan_tenant
from scim_operator.plan.verdicts import ConfigVerdict, CredentialStatus, MappingVerdict, Problem, TenantPlan
from scim_operator.plan.waiting import delivered_plan, waiting_mappings

__all__ = [
    "ConfigVerdict",
    "CredentialStatus",
    "MappingVerdict",
    "Problem",
    "TenantInputs",
    "TenantPlan",
    "assemble",
    "delivered_plan",
    "plan_tenant",
    "reduced",
    "same_content",
    "secret_refs",
    "waiting_mappings",
]
