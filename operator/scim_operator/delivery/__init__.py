"""Delivery of configuration to the server's replicas: who they are, the push, the acknowledgement."""

from scim_operator.delivery.authorities import Authorities, AuthoritiesUnusable
from scim_operator.delivery.delivery import Delivery
from scim_operator.delivery.faults import Fault
from scim_operator.delivery.management import ManagementClient, ManagementToken, TenantStatus, UnmatchedGroups
from scim_operator.delivery.replicas import Replica, replicas_at, replicas_in
from scim_operator.delivery.report import DeliveryReport, Progress

__all__ = [
    "Authorities",
    "AuthoritiesUnusable",
    "Delivery",
    "DeliveryReport",
    "Fault",
    "ManagementClient",
    "ManagementToken",
    "Progress",
    "Replica",
    "TenantStatus",
    "UnmatchedGroups",
    "replicas_at",
    "replicas_in",
]
