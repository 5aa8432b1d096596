"""The control loop: keys of ProvisioningConfigs in, the cluster and the servers brought to what they should be.

One reconcile is a straight line: `gather` → plan → `apply` → `deliver` → `report`.
"""

from scim_operator.reconcile.controller import Controller, ControllerSettings
from scim_operator.reconcile.document import DocumentNames

__all__ = ["Controller", "ControllerSettings", "DocumentNames"]
