"""From custom resources and Secrets to the server's configuration: pure functions.

`plan_tenant` makes one tenant of the contract and says what is wrong with its parts; `assemble` puts tenants
together. Both are deterministic and don't depend on the order of what they are given.
"""

from scim_operator.plan.assemble import assemble, same_content
from scim_operator.plan.inputs import TenantInputs
from scim_operator.plan.narrowing import narrowed
from scim_operator.plan.references import secret_refs
from scim_operator.plan.tenant import plan_tenant
from scim_operator.plan.verdicts import ConfigVerdict, CredentialStatus, MappingVerdict, Problem, TenantPlan
from scim_operator.plan.withheld import Withheld, delivered_plan

__all__ = [
    "ConfigVerdict",
    "CredentialStatus",
    "MappingVerdict",
    "Problem",
    "TenantInputs",
    "TenantPlan",
    "Withheld",
    "assemble",
    "delivered_plan",
    "narrowed",
    "plan_tenant",
    "same_content",
    "secret_refs",
]
