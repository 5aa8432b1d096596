"""The chart's RBAC lets the operator do its work (every other test shows that) and nothing else."""

import json
from pathlib import Path

import pytest
import yaml

from tests.control_plane.kubectl import KubectlError
from tests.e2e.installation import NAMES, RBAC, Installation

_AUTHORIZATION = "authorization.k8s.io"

_ALLOWED = [
    ("get", "provisioningconfigs.scim-operator.io", "default"),
    ("list", "rolemappings.scim-operator.io", ""),
    ("watch", "attributemappings.scim-operator.io", ""),
    ("patch", "rolemappings.scim-operator.io/status", "default"),
    ("get", "secrets", "default"),
    ("create", "events.events.k8s.io", "default"),
    ("patch", "events.events.k8s.io", "default"),
    ("watch", "configmaps/scim-server-config-00", "scim-system"),
    ("patch", "configmaps/scim-server-config-15", "scim-system"),
    ("patch", "configmaps/scim-server-config-index", "scim-system"),
    ("patch", "secrets/scim-server-secrets-15", "scim-system"),
    ("get", "secrets/scim-server-secrets", "scim-system"),
    ("watch", "endpointslices.discovery.k8s.io", "scim-system"),
]

_FORBIDDEN = [
    # Users' objects.
    ("patch", "provisioningconfigs.scim-operator.io", "default"),
    ("update", "rolemappings.scim-operator.io", "default"),
    ("create", "provisioningconfigs.scim-operator.io", "default"),
    ("delete", "rolemappings.scim-operator.io", "default"),
    ("update", "rolemappings.scim-operator.io/status", "default"),
    ("patch", "namespaces", ""),
    # Secrets and ConfigMaps but for those of the configuration.
    ("create", "secrets", "default"),
    ("patch", "secrets/scim-server-secrets-00", "default"),
    ("patch", "secrets/scim-server-secrets", "scim-system"),
    ("patch", "configmaps/scim-server-config", "scim-system"),
    ("patch", "configmaps/scim-server-config-16", "scim-system"),
    ("patch", "secrets/another", "scim-system"),
    ("create", "secrets/another", "scim-system"),
    ("create", "secrets", "scim-system"),
    ("update", "secrets/scim-server-secrets-00", "scim-system"),
    ("delete", "secrets/scim-server-secrets-00", "scim-system"),
    ("get", "configmaps", "default"),
    ("list", "configmaps", "scim-system"),
    ("get", "configmaps/another", "scim-system"),
    ("delete", "configmaps/scim-server-config-00", "scim-system"),
    # Everything else.
    ("list", "endpointslices.discovery.k8s.io", "default"),
    ("get", "pods", "scim-system"),
    ("create", "pods", "scim-system"),
    ("get", "customresourcedefinitions.apiextensions.k8s.io", ""),
    ("create", "serviceaccounts/token", "scim-system"),
    ("get", "leases.coordination.k8s.io", "scim-system"),
    ("bind", "clusterroles.rbac.authorization.k8s.io", ""),
    ("escalate", "clusterroles.rbac.authorization.k8s.io", ""),
    ("impersonate", "users", ""),
    ("get", "events.events.k8s.io", "default"),
]


_EVERYWHERE = {
    (verb, f"{resource}.scim-operator.io", "")
    for verb, resources in {
        "get": ["provisioningconfigs"],
        "list": ["provisioningconfigs", "rolemappings", "attributemappings"],
        "watch": ["provisioningconfigs", "rolemappings", "attributemappings"],
        "patch": ["provisioningconfigs/status", "rolemappings/status", "attributemappings/status"],
    }.items()
    for resource in resources
} | {
    *((verb, "events.events.k8s.io", "") for verb in ("create", "patch")),
    *((verb, "namespaces", "") for verb in ("get", "list", "watch")),
    *((verb, "secrets", "") for verb in ("get", "list", "watch")),
}

_IN_ITS_NAMESPACE = _EVERYWHERE | {
    *(
        (verb, f"{kind.lower()}s", key.name)
        for verb in ("get", "list", "watch", "create", "patch")
        for kind, key in [*((kind, key) for _, kind, key in NAMES.pairs), ("ConfigMap", NAMES.index_key)]
    ),
    ("get", "configmaps", "scim-server-config"),
    ("get", "secrets", "scim-server-secrets"),
    *((verb, "endpointslices.discovery.k8s.io", "") for verb in ("list", "watch")),
}


def _rules(installation: Installation, kubeconfig: Path, namespace: str) -> set[tuple[str, str, str]]:
    """Everything that somebody may do in a namespace: verb, resource, name of the object (empty: any)."""
    review = {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": f"{_AUTHORIZATION}/v1",
        "spec": {"namespace": namespace},
    }
    answer = installation.cluster.kubectl(
        "create",
        "--raw",
        f"/apis/{_AUTHORIZATION}/v1/selfsubjectrulesreviews",
        "-f",
        "-",
        stdin=json.dumps(review),
        kubeconfig=kubeconfig,
    )
    status = json.loads(answer)["status"]
    assert not status["incomplete"]
    resources = {
        (verb, ".".join(filter(None, (resource, group))), name)
        for rule in status["resourceRules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
    }
    urls = {
        (verb, url, "")
        for rule in status["nonResourceRules"]
        for verb in rule["verbs"]
        for url in rule["nonResourceURLs"]
    }
    return resources | urls


def _may(installation: Installation, verb: str, resource: str, namespace: str) -> bool:
    kind, _, name = resource.partition("/")
    subresource = []
    if name in ("status", "token"):
        subresource, name = [f"--subresource={name}"], ""
    target = f"{kind}/{name}" if name else kind
    scope = ["-n", namespace] if namespace else ["--all-namespaces"]
    try:
        answer = installation.cluster.kubectl(
            "auth", "can-i", verb, target, *subresource, *scope, kubeconfig=installation.operator_kubeconfig
        )
    except KubectlError as refused:
        return "yes" in str(refused).splitlines()
    return answer.strip() == "yes"


@pytest.mark.parametrize(("verb", "resource", "namespace"), _ALLOWED)
def test_allowed(installation: Installation, verb: str, resource: str, namespace: str) -> None:
    assert _may(installation, verb, resource, namespace)


@pytest.mark.parametrize(("verb", "resource", "namespace"), _FORBIDDEN)
def test_forbidden(installation: Installation, verb: str, resource: str, namespace: str) -> None:
    assert not _may(installation, verb, resource, namespace)


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [("default", _EVERYWHERE), ("kube-system", _EVERYWHERE), ("scim-system", _IN_ITS_NAMESPACE)],
    ids=["default", "kube-system", "scim-system"],
)
def test_these_are_all_its_permissions(
    installation: Installation, namespace: str, expected: set[tuple[str, str, str]]
) -> None:
    nobody = installation.cluster.user_kubeconfig("nobody-in-particular", ["system:serviceaccounts"])
    for_all = _rules(installation, nobody, namespace)
    assert _rules(installation, installation.operator_kubeconfig, namespace) - for_all == expected


def test_the_operator_cannot_write_a_secret_elsewhere_in_fact(installation: Installation, namespace: str) -> None:
    for where in (namespace, "scim-system"):
        with pytest.raises(KubectlError, match="forbidden"):
            installation.cluster.kubectl(
                "create",
                "secret",
                "generic",
                "planted",
                "--from-literal=a=b",
                "-n",
                where,
                kubeconfig=installation.operator_kubeconfig,
            )


@pytest.mark.parametrize("path", sorted(RBAC.glob("*.yaml")), ids=lambda path: path.name)
def test_no_rule_has_a_wildcard(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        for rule in document.get("rules", []):
            for field in ("apiGroups", "resources", "verbs"):
                assert "*" not in rule[field]
