"""The custom resources as typed values. Pure: nothing here talks to a cluster or reads a file."""

from scim_operator.api.attribute_mapping import (
    AttributeMapping,
    AttributeMappingSpec,
    AttributeSource,
    GroupValueEntry,
)
from scim_operator.api.authentication import (
    BasicLogin,
    BearerToken,
    ClientRegistration,
    ClientSecretRef,
    JwksSecretRef,
    TokenIssuer,
)
from scim_operator.api.conditions import Condition, set_conditions
from scim_operator.api.config_ref import ConfigRef
from scim_operator.api.constants import (
    ATTRIBUTE_MAPPING,
    GROUP,
    PLURALS,
    PROVISIONING_CONFIG,
    ROLE_MAPPING,
    VERSION,
)
from scim_operator.api.delivery import WebhookTarget
from scim_operator.api.field_path import FieldPath, format_field_path
from scim_operator.api.former_users import former_users_note
from scim_operator.api.group_ref import GroupRef
from scim_operator.api.keys import ObjectKey
from scim_operator.api.nearest import did_you_mean, nearest
from scim_operator.api.provisioning_config import (
    AllowedNamespaces,
    NamespacesFrom,
    Provider,
    ProvisioningConfig,
    ProvisioningConfigSpec,
    RoleEntry,
)
from scim_operator.api.resource import InvalidObject, Metadata
from scim_operator.api.role_mapping import MappingMode, RoleMapping, RoleMappingRule, RoleMappingSpec
from scim_operator.api.safety import ProtectedUserRef
from scim_operator.api.secret_data import InvalidSecret, secret_data

__all__ = [
    "ATTRIBUTE_MAPPING",
    "GROUP",
    "PLURALS",
    "PROVISIONING_CONFIG",
    "ROLE_MAPPING",
    "VERSION",
    "AllowedNamespaces",
    "AttributeMapping",
    "AttributeMappingSpec",
    "AttributeSource",
    "BasicLogin",
    "BearerToken",
    "ClientRegistration",
    "ClientSecretRef",
    "Condition",
    "ConfigRef",
    "FieldPath",
    "GroupRef",
    "GroupValueEntry",
    "InvalidObject",
    "InvalidSecret",
    "JwksSecretRef",
    "MappingMode",
    "Metadata",
    "NamespacesFrom",
    "ObjectKey",
    "ProtectedUserRef",
    "Provider",
    "ProvisioningConfig",
    "ProvisioningConfigSpec",
    "RoleEntry",
    "RoleMapping",
    "RoleMappingRule",
    "RoleMappingSpec",
    "TokenIssuer",
    "WebhookTarget",
    "did_you_mean",
    "format_field_path",
    "former_users_note",
    "nearest",
    "secret_data",
    "set_conditions",
]
