import base64
import json

import pytest
import yaml

from scim_operator.api import ObjectKey
from scim_operator.manifests import Severity
from tests.scim_operator.manifests.reading import ATTRIBUTE_MAPPING, CONFIG, ROLE_MAPPING, SECRET, errors, read

OKTA = ObjectKey("acme", "okta")


def test_objects_of_all_kinds_are_read() -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a, labels: {tier: gold}}"

    manifests = read("---\n".join([CONFIG, SECRET, ROLE_MAPPING]), ATTRIBUTE_MAPPING, namespace)

    world = manifests.world
    assert manifests.findings == ()
    assert set(world.configs) == {OKTA}
    assert [mapping.key.name for mapping in world.role_mappings] == ["roles"]
    assert [mapping.key.name for mapping in world.attribute_mappings] == ["attributes"]
    assert world.secrets == {ObjectKey("acme", "okta-scim"): {"token": b"a-token-of-some-length"}}
    assert world.namespaces == {
        "acme": {"kubernetes.io/metadata.name": "acme"},
        "team-a": {"tier": "gold", "kubernetes.io/metadata.name": "team-a"},
    }


def test_the_defaults_of_the_definition_are_filled_in() -> None:
    spec = read(CONFIG).world.configs[OKTA].spec

    assert spec.provider == "Generic"
    assert spec.authentication.bearer_tokens[0].secret_ref.key == "token"


def test_without_a_namespace_an_object_is_in_default() -> None:
    assert set(read(CONFIG.replace(", namespace: acme", "")).world.configs) == {ObjectKey("default", "okta")}


def test_a_null_counts_as_absent() -> None:
    assert read(CONFIG + "  displayName: null\n  provider: ~\n").world.configs[OKTA].spec.provider == "Generic"


def test_data_of_a_secret_is_base64() -> None:
    encoded = base64.b64encode(b"a-token-of-some-length").decode()

    manifests = read(SECRET.replace("stringData: {token: a-token-of-some-length}", f"data: {{token: {encoded}}}"))

    assert manifests.world.secrets == read(SECRET).world.secrets


def test_status_in_a_manifest_is_ignored() -> None:
    assert errors(CONFIG + "status: {observedGeneration: x, foo: 1}\n") == []


def test_items_of_a_list_are_objects() -> None:
    items = "".join("- " + document.replace("\n", "\n  ").rstrip() + "\n" for document in (CONFIG, ROLE_MAPPING))
    listed = "apiVersion: v1\nkind: List\nitems:\n" + items

    assert read(listed).findings == ()
    assert set(read(listed).sources) == {("ProvisioningConfig", OKTA), ("RoleMapping", ObjectKey("acme", "roles"))}
    assert errors(listed.replace("name: admin}", "name: 1}")) == [
        "1.yaml:12: ProvisioningConfig acme/okta: spec.roles[0].name:"
        " a string is expected, not the number 1: quote it"
    ]


def test_kinds_of_other_groups_may_have_our_names() -> None:
    [note] = read("{apiVersion: auth.example.com/v1, kind: RoleMapping, metadata: {name: roles}}").findings
    assert (note.severity, note.message) == (Severity.NOTE, "ignored: 1 RoleMapping")


def test_other_kinds_are_ignored_with_a_note() -> None:
    [note] = read("a: 1\n---\n{apiVersion: v1, kind: ConfigMap}\n---\n{apiVersion: v1, kind: ConfigMap}").findings

    assert note.severity is Severity.NOTE
    assert str(note) == "1.yaml:1: note: ignored: 2 ConfigMap, 1 document without a kind"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b: c", "1.yaml:1: YAML: "),
        (
            CONFIG.replace("  roles:", "  rolls:"),
            "1.yaml:8: ProvisioningConfig acme/okta: spec.rolls: unknown field",
        ),
        (
            CONFIG.replace("name: viewer", "name: viewer, permission: x"),
            "1.yaml:10: ProvisioningConfig acme/okta: spec.roles[1].permission: unknown field",
        ),
        (
            CONFIG + "  provider: Octa\n",
            '1.yaml:11: ProvisioningConfig acme/okta: spec.provider: "Octa" is not one of Okta, EntraID',
        ),
        (
            CONFIG + "  displayName: yes\n",
            "1.yaml:11: ProvisioningConfig acme/okta: spec.displayName:"
            " a string is expected, not the boolean true: quote it",
        ),
        (
            CONFIG + "  baseRoles: [viewer, ghost]\n",
            "1.yaml:11: ProvisioningConfig acme/okta: spec.baseRoles:"
            ' role "ghost" is not in the catalogue (spec.roles)',
        ),
        (
            ROLE_MAPPING.replace("displayName: Admins", "displayName: Admins, externalId: x"),
            "1.yaml:9: RoleMapping acme/roles: spec.rules[0].groups[0]:"
            " exactly one of externalId, id, displayName and displayNamePattern is expected,"
            " found: externalId displayName",
        ),
        (
            ROLE_MAPPING.replace("{displayName: Admins}", "{}"),
            "1.yaml:9: RoleMapping acme/roles: spec.rules[0].groups[0]:"
            " exactly one of externalId, id, displayName and displayNamePattern is expected, found: none",
        ),
        (
            ROLE_MAPPING.replace("displayName: Admins", "displayNamePattern: '('"),
            "1.yaml:9: RoleMapping acme/roles: spec.rules[0].groups[0].displayNamePattern:"
            " an RE2 expression is expected: missing )",
        ),
        (
            ROLE_MAPPING.replace("  configRef: {name: okta}\n", ""),
            "1.yaml:4: RoleMapping acme/roles: spec.configRef: a value is required",
        ),
        (
            ATTRIBUTE_MAPPING.replace(", path: department", ""),
            "1.yaml:7: AttributeMapping acme/attributes: spec.attributes[0]:"
            " path, expression, fromGroups or default is expected",
        ),
        (
            CONFIG.replace("v1alpha1", "v1"),
            "1.yaml:1: ProvisioningConfig acme/okta: apiVersion: scim-operator.io/v1alpha1 is expected",
        ),
        (
            CONFIG.replace("apiVersion: scim-operator.io/v1alpha1\n", ""),
            "1.yaml:1: ProvisioningConfig acme/okta: apiVersion: scim-operator.io/v1alpha1 is expected",
        ),
        (
            CONFIG.replace("scim-operator.io/v1alpha1", "v1"),
            "1.yaml:1: ProvisioningConfig acme/okta: apiVersion: scim-operator.io/v1alpha1 is expected",
        ),
        *(
            (
                CONFIG.replace("scim-operator.io", group),
                "1.yaml:1: ProvisioningConfig acme/okta: apiVersion: scim-operator.io/v1alpha1 is expected;"
                " did you mean scim-operator.io/v1alpha1?",
            )
            for group in ("scim-operator", "scim-operator.com", "scimoperator.io", "scim-operators.io")
        ),
        (
            CONFIG + "  provider: okta\n",
            '1.yaml:11: ProvisioningConfig acme/okta: spec.provider: "okta" is not one of ',
        ),
        (
            ROLE_MAPPING.replace("displayName: Admins", "displayNamePattern: 'a(?=b)'"),
            "1.yaml:9: RoleMapping acme/roles: spec.rules[0].groups[0].displayNamePattern:"
            " an RE2 expression is expected: invalid perl operator: (?= (RE2 has no lookahead and no lookbehind)",
        ),
        (
            ROLE_MAPPING.replace("displayName: Admins", "displayNamePattern: '(a)\\1'"),
            "1.yaml:9: RoleMapping acme/roles: spec.rules[0].groups[0].displayNamePattern:"
            " an RE2 expression is expected: invalid escape sequence: \\1 (RE2 has no backreferences)",
        ),
        (
            ATTRIBUTE_MAPPING.replace("path: department", "path: 'emails[type eq work'"),
            "1.yaml:7: AttributeMapping acme/attributes: spec.attributes[0].path:"
            ' a SCIM path such as name.givenName or emails[type eq "work"].value is expected',
        ),
        (
            SECRET.replace("{token: a-token-of-some-length}", "ENC[AES256_GCM,data:x]"),
            "1.yaml:4: Secret acme/okta-scim: stringData: an object is expected, not a string: decrypt it first",
        ),
        (
            CONFIG + "  displayname: Acme\n",
            "1.yaml:11: ProvisioningConfig acme/okta: spec.displayname: unknown field; did you mean displayName?",
        ),
        (
            CONFIG + "  deprovisioning: {deactivationDelay: soon}\n",
            "1.yaml:11: ProvisioningConfig acme/okta: spec.deprovisioning.deactivationDelay:"
            " a duration in h, m, s is expected, such as 1h30m or 2160h",
        ),
        (
            ROLE_MAPPING.replace("groups:\n    - {displayName: Admins}\n", "groups: []\n"),
            "1.yaml:8: RoleMapping acme/roles: spec.rules[0].groups: at least 1 item is expected",
        ),
        (
            CONFIG.replace("namespace: acme", "namespace: y"),
            "1.yaml:3: ProvisioningConfig: metadata.namespace: a string is expected, not the boolean true: quote it",
        ),
        (
            CONFIG.replace("name: okta, namespace", "name: on, namespace"),
            "1.yaml:3: ProvisioningConfig: metadata.name: a string is expected, not the boolean true: quote it",
        ),
        (
            CONFIG.replace("ProvisioningConfig", "ProvisionConfig"),
            "1.yaml:2: ProvisionConfig acme/okta: kind: scim-operator.io/v1alpha1 ProvisionConfig is not known;"
            " expected: AttributeMapping, ProvisioningConfig, RoleMapping",
        ),
        (
            CONFIG.replace("name: okta, namespace", "namespace"),
            "1.yaml:3: ProvisioningConfig: metadata: a name is required",
        ),
        (
            CONFIG.replace("name: okta, namespace", "name: Okta_1, namespace"),
            "1.yaml:3: ProvisioningConfig acme/Okta_1: metadata.name: small letters, digits, '-' and '.'",
        ),
        (
            ROLE_MAPPING.replace("name: roles, namespace", f"name: {'x' * 254}, namespace"),
            f"1.yaml:3: RoleMapping acme/{'x' * 60}…: metadata.name: at most 253 characters are expected, not 254",
        ),
        (
            ROLE_MAPPING.replace("namespace: acme", f"namespace: {'x' * 64}"),
            f"1.yaml:3: RoleMapping {'x' * 64}/roles: metadata.namespace: at most 63 characters are expected, not 64",
        ),
        (
            ROLE_MAPPING.replace("namespace: acme", f"labels: {{a: {'x' * 64}}}"),
            "1.yaml:3: RoleMapping default/roles: metadata.labels.a: at most 63 characters are expected, not 64",
        ),
        (
            CONFIG.replace("name: okta, namespace", f"name: {'x' * 64}, namespace"),
            f"1.yaml:1: ProvisioningConfig acme/{'x' * 64}: the name is part of the SCIM URL",
        ),
        (
            CONFIG.replace("namespace: acme}", "namespace: acme, label: x}"),
            "1.yaml:3: ProvisioningConfig acme/okta: metadata.label: unknown field",
        ),
        (
            SECRET.replace("stringData", "data"),
            "1.yaml:4: Secret acme/okta-scim: data.token: base64 is expected",
        ),
        (
            SECRET.replace("a-token-of-some-length", "47114711471147114711"),
            "1.yaml:4: Secret acme/okta-scim: stringData.token: a string is expected, not a number: quote it",
        ),
    ],
)
def test_an_error_names_file_line_object_and_field(text: str, expected: str) -> None:
    found = errors(text)

    assert len(found) == 1
    assert found[0].startswith(expected)
    assert "a-token-of-some-length" not in found[0]
    assert "4711" not in found[0]


def test_all_that_is_wrong_with_an_object_is_told_at_once() -> None:
    assert errors(CONFIG.replace("{name: viewer}", "{name: 1}") + "  baseRole: [viewer]\n  x: 1\n") == [
        "1.yaml:11: ProvisioningConfig acme/okta: spec.baseRole: unknown field; did you mean baseRoles?",
        "1.yaml:12: ProvisioningConfig acme/okta: spec.x: unknown field",
        "1.yaml:10: ProvisioningConfig acme/okta: spec.roles[1].name:"
        " a string is expected, not the number 1: quote it",
    ]


def test_a_value_that_is_nearly_one_of_a_set_is_suggested() -> None:
    [error] = errors(CONFIG + "  provider: okta\n")

    assert error.endswith("; did you mean Okta?")


def test_a_kind_of_that_name_in_quite_another_group_is_ignored() -> None:
    manifests = read(CONFIG.replace("scim-operator.io", "example.com"))

    assert [str(finding) for finding in manifests.findings] == ["1.yaml:1: note: ignored: 1 ProvisioningConfig"]


@pytest.mark.parametrize("kind", ["List", "RoleMappingList"])
def test_lists_in_json_are_read(kind: str) -> None:
    objects = [yaml.safe_load(CONFIG), yaml.safe_load(ROLE_MAPPING)]
    manifests = read(json.dumps({"apiVersion": "v1", "kind": kind, "items": objects}, indent=1))

    assert manifests.findings == ()
    assert set(manifests.world.configs) == {OKTA}
    assert len(manifests.world.role_mappings) == 1


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "1" * 5000])
def test_a_number_of_thousands_of_digits_is_no_trouble(number: str) -> None:
    found = errors(CONFIG + f"  suspend: {number}\n")

    assert len(found) == 1
    assert "a boolean is expected, not a string" in found[0]


def test_one_object_in_two_files_is_an_error() -> None:
    assert errors(CONFIG, SECRET, CONFIG) == [
        "3.yaml:1: ProvisioningConfig acme/okta: the same object stands at 1.yaml:1 already"
    ]


def test_a_broken_file_does_not_hide_the_errors_of_others() -> None:
    assert [error.split(":")[0] for error in errors("a: [1", CONFIG + "  x: 1\n")] == ["1.yaml", "2.yaml"]


def test_valid_objects_are_in_the_world_though_others_are_not() -> None:
    manifests = read(CONFIG, ROLE_MAPPING.replace("name: okta", "nam: okta"))

    assert set(manifests.world.configs) == {OKTA}
    assert manifests.world.role_mappings == ()
