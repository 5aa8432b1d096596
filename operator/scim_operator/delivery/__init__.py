"""Delivery of configuration to the server's replicas: who they are, the push, the acknowledgement."""

from scim_operator.delivery.authorities import Authorities, AuthoritiesUnusable
from scim_operator.delivery.delivery import Delivery
from scim_operator.delivery.faults import Fault
from scim_operator.delivery.management import ManagementClient, ManagementToken
from scim_operator.delivery.replicas import Replica, replicas_at, replicas_in
from scim_operator.delivery.report import DeliveryReport, Progress
from scim_operator.delivery.tenant_status import (
    Hold,
    MappingPreview,
    TenantStatus,
    UnmatchedGroups,
    WebhookStatus,
)

__all__ = [
    "Authorities",
    "AuthoritiesUnusable",
    "Delivery",
    "DeliveryReport",
    "Fault",
    "Hold",
    "ManagementClient",
    "ManagementToken",
    "MappingPreview",
    "Progress",
    "Replica",
    "TenantStatus",
    "UnmatchedGroups",
    "WebhookStatus",
    "replicas_at",
    "replicas_in",
]
