"""Which namespaces may attach mappings to a ProvisioningConfig."""

from collections.abc import Mapping

from scim_operator.api import AllowedNamespaces, NamespacesFrom
from scim_operator.api.provisioning_config import LabelSelector, LabelSelectorRequirement


def allows_namespace(
    allowed: AllowedNamespaces, own_namespace: str, namespace: str, labels: Mapping[str, str]
) -> bool:
    """Whether mappings in `namespace`, which has `labels`, may attach. The config's own namespace always may."""
    if namespace == own_namespace or allowed.from_ is NamespacesFrom.ALL:
        return True
    if allowed.from_ is NamespacesFrom.SELECTOR and allowed.selector is not None:
        return selects(allowed.selector, labels)
    return False


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """`metav1.LabelSelector`: all of its requirements hold; an empty selector selects everything."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    match requirement.operator:
        case "In":
            return requirement.key in labels and labels[requirement.key] in requirement.values
        case "NotIn":
            return labels.get(requirement.key) not in requirement.values
        case "Exists":
            return requirement.key in labels
        case "DoesNotExist":
            return requirement.key not in labels
