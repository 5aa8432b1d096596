import pytest

from scim_operator.manifests import reference_findings
from tests.scim_operator.manifests.reading import (
    ATTRIBUTE_MAPPING,
    CONFIG,
    ROLE_MAPPING,
    SECRET,
    broken_references,
    read,
)

ELSEWHERE = ROLE_MAPPING.replace("namespace: acme", "namespace: team-a").replace(
    "configRef: {name: okta}", "configRef: {name: okta, namespace: acme}"
)


def test_what_fits_together_has_no_findings() -> None:
    assert broken_references(CONFIG, SECRET, ROLE_MAPPING, ATTRIBUTE_MAPPING) == []


def test_a_role_that_is_not_in_the_catalogue() -> None:
    assert broken_references(CONFIG, SECRET, ROLE_MAPPING.replace("- admin\n", "- admin\n    - ghost\n")) == [
        "3.yaml:12: RoleMapping acme/roles: spec.rules[0].roles[1]:"
        ' rule "admins": role "ghost" is not in the catalogue of acme/okta'
    ]


def test_a_config_that_is_not_there() -> None:
    assert broken_references(ROLE_MAPPING) == [
        "1.yaml:5: RoleMapping acme/roles: spec.configRef: ProvisioningConfig acme/okta is not in these manifests"
    ]


def test_a_config_that_does_not_allow_the_namespace() -> None:
    assert broken_references(CONFIG, SECRET, ELSEWHERE) == [
        "3.yaml:5: RoleMapping team-a/roles: spec.configRef: ProvisioningConfig acme/okta doesn't allow mappings"
        " from namespace team-a (its spec.allowedNamespaces)"
    ]


def test_a_namespace_is_selected_by_its_labels_and_by_its_name() -> None:
    selector = "  allowedNamespaces: {from: Selector, selector: {matchLabels: {%s}}}\n"
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a, labels: {tier: gold}}"

    assert broken_references(CONFIG + selector % "tier: gold", SECRET, ELSEWHERE, namespace) == []
    assert broken_references(CONFIG + selector % "kubernetes.io/metadata.name: team-a", SECRET, ELSEWHERE) == []
    assert broken_references(CONFIG + selector % "tier: gold", SECRET, ELSEWHERE) != []


def test_a_secret_that_is_not_there_is_a_warning_as_it_may_be_in_the_cluster() -> None:
    assert broken_references(CONFIG) == [
        "1.yaml:7: warning: ProvisioningConfig acme/okta: spec.authentication.bearerTokens[0].secretRef.name:"
        ' credential "okta": Secret acme/okta-scim was not found'
    ]


def test_a_secret_that_is_there_must_hold_a_usable_token() -> None:
    [short] = broken_references(CONFIG, SECRET.replace("a-token-of-some-length", "short"))
    [other_key] = broken_references(CONFIG, SECRET.replace("token:", "tokken:"))

    assert short.startswith("1.yaml:7: ProvisioningConfig acme/okta: spec.authentication.bearerTokens[0].secretRef: ")
    assert short.endswith("the token has 5 bytes; at least 20 are needed")
    assert other_key.endswith('Secret acme/okta-scim has no key "token"')


def test_two_mappings_that_claim_one_target() -> None:
    other = ATTRIBUTE_MAPPING.replace("name: attributes", "name: later")

    assert broken_references(CONFIG, SECRET, ATTRIBUTE_MAPPING, other) == [
        "4.yaml:7: AttributeMapping acme/later: spec.attributes[0].target:"
        ' target "team" belongs to the older AttributeMapping acme/attributes'
    ]


def test_suspension_does_not_hide_mistakes() -> None:
    assert len(broken_references(CONFIG + "  suspend: true\n", SECRET, ROLE_MAPPING.replace("- admin", "- x"))) == 1


@pytest.mark.parametrize(
    "maker",
    [
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: okta-scim, namespace: acme}\n",
        "apiVersion: external-secrets.io/v1beta1\nkind: ExternalSecret\nmetadata: {name: x, namespace: acme}\n"
        "spec: {target: {name: okta-scim}}\n",
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: okta-scim, namespace: acme}\n",
    ],
)
def test_what_makes_a_secret_counts_as_the_secret(maker: str) -> None:
    assert broken_references(CONFIG, maker) == []
    assert read(CONFIG, maker).findings == ()
    [local] = reference_findings(read(CONFIG, maker), local=True)
    assert local.message.endswith("Secret acme/okta-scim was not found; a cluster makes it, local mode doesn't")


def test_what_makes_a_secret_elsewhere_or_of_another_name_does_not_count() -> None:
    maker = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: okta-scim, namespace: other}\n"

    [there] = broken_references(CONFIG, maker)
    [nowhere] = broken_references(CONFIG, maker.replace("okta-scim", "okta"))

    assert there.endswith("Secret acme/okta-scim was not found; there is one in namespace other")
    assert nowhere.endswith("Secret acme/okta-scim was not found")


def test_a_secret_in_another_namespace_is_named() -> None:
    [found] = broken_references(CONFIG, SECRET.replace("namespace: acme", "namespace: other"))

    assert found.endswith("Secret acme/okta-scim was not found; there is one in namespace other")


def test_names_that_are_nearly_right_are_suggested() -> None:
    [config] = broken_references(
        CONFIG, SECRET, ROLE_MAPPING.replace("configRef: {name: okta}", "configRef: {name: otka}")
    )
    [role] = broken_references(CONFIG, SECRET, ROLE_MAPPING.replace("- admin", "- Admni"))
    [attribute] = broken_references(CONFIG, SECRET, ATTRIBUTE_MAPPING.replace("department", "departmnt"))

    assert config.endswith("ProvisioningConfig acme/otka is not in these manifests; did you mean okta?")
    assert role.endswith("is not in the catalogue of acme/okta (did you mean admin?)")
    assert "; did you mean department?" in attribute
