"""Names of the API, as they stand in the CustomResourceDefinitions."""

from typing import Final

GROUP: Final = "scim-operator.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

PROVISIONING_CONFIG: Final = "ProvisioningConfig"
ROLE_MAPPING: Final = "RoleMapping"
ATTRIBUTE_MAPPING: Final = "AttributeMapping"

CONFIG_PLURAL: Final = "provisioningconfigs"
ROLE_MAPPING_PLURAL: Final = "rolemappings"
ATTRIBUTE_MAPPING_PLURAL: Final = "attributemappings"

PLURALS: Final = {
    PROVISIONING_CONFIG: CONFIG_PLURAL,
    ROLE_MAPPING: ROLE_MAPPING_PLURAL,
    ATTRIBUTE_MAPPING: ATTRIBUTE_MAPPING_PLURAL,
}
"""Plural, as in URLs and RBAC rules, by kind."""

WATCH_LABEL: Final = "scim-operator.io/watch"
"""A Secret with this label set to `"true"` is watched: its change acts at once, others' at the next resync."""

NAMESPACE_NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The label that the API server puts on every namespace, with its name."""
