"""The control loop: keys of ProvisioningConfigs in, the cluster and the servers brought to what they should be.

One reconcile is a straight line, which `reconciler.py` shows:
gather → read what is stored → plan → replace → deliver → publish.
"""

from scim_operator.reconcile.controller import Controller, ControllerSettings
from scim_operator.reconcile.shards import ShardNames

__all__ = ["Controller", "ControllerSettings", "ShardNames"]
