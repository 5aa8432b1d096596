"""From the text of manifests to the objects that they declare, as `kubectl apply` would take them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scim_operator.api import (
    ATTRIBUTE_MAPPING,
    GROUP,
    PLURALS,
    PROVISIONING_CONFIG,
    ROLE_MAPPING,
    AttributeMapping,
    FieldPath,
    InvalidObject,
    InvalidSecret,
    ObjectKey,
    ProvisioningConfig,
    RoleMapping,
    did_you_mean,
    nearest,
    secret_data,
)
from scim_operator.api.constants import API_VERSION, NAMESPACE_NAME_LABEL
from scim_operator.manifests.cel_rules import rule_violations
from scim_operator.manifests.definitions import schemas
from scim_operator.manifests.files import SourceFile
from scim_operator.manifests.findings import CLUSTER_SCOPED, NAMELESS, Finding, Manifest, Severity
from scim_operator.manifests.made_secrets import made_secret
from scim_operator.manifests.object_meta import metadata_errors
from scim_operator.manifests.structural_schema import (
    Schema,
    SchemaError,
    unknown_field,
    unknown_fields,
    violations,
    with_defaults,
    wrong_type,
)
from scim_operator.manifests.world import World
from scim_operator.manifests.yaml_documents import Document, YamlError, parse_documents

DEFAULT_NAMESPACE = "default"

_MODELS: dict[str, type[ProvisioningConfig] | type[RoleMapping] | type[AttributeMapping]] = {
    PROVISIONING_CONFIG: ProvisioningConfig,
    ROLE_MAPPING: RoleMapping,
    ATTRIBUTE_MAPPING: AttributeMapping,
}


@dataclass(frozen=True, slots=True)
class Manifests:
    """What was read. `world` holds the valid objects; what is wrong with the others is in `findings`."""

    world: World
    findings: tuple[Finding, ...]
    sources: Mapping[tuple[str, ObjectKey], Manifest]
    """Where each object of `world` stands, by kind and key."""

    made_secrets: frozenset[ObjectKey] = frozenset()
    """Secrets that a cluster makes of other objects, such as an ExternalSecret. What they hold isn't known."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def read_manifests(files: Iterable[SourceFile], namespace: str = DEFAULT_NAMESPACE) -> Manifests:
    """Objects of our three kinds, Secrets and Namespaces; other kinds are ignored with a note. Never raises.

    `namespace` is that of objects whose manifest gives none, as with `kubectl apply --namespace`.
    """
    reading = _Reading(namespace)
    for file in files:
        reading.file(file)
    return reading.result()


class _Reading:
    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._findings: list[Finding] = []
        self._sources: dict[tuple[str, ObjectKey], Manifest] = {}
        self._configs: dict[ObjectKey, ProvisioningConfig] = {}
        self._role_mappings: list[RoleMapping] = []
        self._attribute_mappings: list[AttributeMapping] = []
        self._secrets: dict[ObjectKey, Mapping[str, bytes]] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._made_secrets: set[ObjectKey] = set()

    def result(self) -> Manifests:
        names = {key.namespace for _, key in self._sources} - {CLUSTER_SCOPED} | set(self._labels)
        namespaces = {name: {**self._labels.get(name, {}), NAMESPACE_NAME_LABEL: name} for name in sorted(names)}
        world = World(
            self._configs,
            tuple(self._role_mappings),
            tuple(self._attribute_mappings),
            self._secrets,
            namespaces,
        )
        return Manifests(world, tuple(self._findings), self._sources, frozenset(self._made_secrets))

    def file(self, file: SourceFile) -> None:
        if file.problem is not None:
            self._findings.append(Finding(Severity.ERROR, file.name, *file.problem))
            return
        try:
            documents = parse_documents(file.text)
        except YamlError as error:
            self._findings.append(Finding(Severity.ERROR, file.name, error.line, f"YAML: {error.message}"))
            return
        ignored: Counter[str] = Counter()
        for document in documents:
            for path, value in _objects(document):
                self._object(file.name, document, path, value, ignored)
        if ignored:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(ignored.items()))
            self._findings.append(Finding(Severity.NOTE, file.name, 1, f"ignored: {kinds}"))

    def _object(self, file: str, document: Document, at: FieldPath, value: Any, ignored: Counter[str]) -> None:
        api_version, kind = _type_of(value)
        group = api_version.partition("/")[0] if "/" in api_version else ""
        # Other groups may have kinds of these names.
        ours = group == GROUP or (kind in PLURALS and (group == "" or nearest(group, (GROUP,)) is not None))
        made = made_secret(value, group, kind, self._namespace)
        if made is not None:
            self._made_secrets.add(made)
            return
        if not ours and (api_version, kind) not in (("v1", "Secret"), ("v1", "Namespace")):
            ignored[kind or "document without a kind"] += 1
            return
        named = _name_of(value, CLUSTER_SCOPED if kind == "Namespace" else self._namespace)
        key = named if isinstance(named, ObjectKey) else NAMELESS
        manifest = Manifest(file, document, at, value, kind or "object", key)
        if ours and (kind not in PLURALS or api_version != API_VERSION):
            if kind in PLURALS:
                meant = f"; did you mean {API_VERSION}?" if group not in ("", GROUP) else ""
                self._report(manifest, [(("apiVersion",), f"{API_VERSION} is expected{meant}")])
            else:
                expected = ", ".join(sorted(PLURALS))
                known = f"expected: {expected}{did_you_mean(kind, PLURALS)}"
                self._report(manifest, [(("kind",), f"{api_version} {kind} is not known; {known}")])
            return
        if not isinstance(named, ObjectKey):
            self._report(manifest, [named])
            return
        before = self._sources.get((kind, key))
        if before is not None:
            place = f"{before.file}:{before.line_of(())}"
            self._report(manifest, [((), f"the same object stands at {place} already")])
            return
        self._sources[kind, key] = manifest
        if self._report(manifest, metadata_errors(value["metadata"])):
            return
        if kind == "Secret":
            self._secret(manifest)
        elif kind == "Namespace":
            labels = value["metadata"].get("labels") or {}
            self._labels[key.name] = {label: text or "" for label, text in labels.items()}
        else:
            self._custom_resource(manifest)

    def _secret(self, manifest: Manifest) -> None:
        try:
            self._secrets[manifest.key] = secret_data(manifest.value)
        except InvalidSecret as error:
            path = (error.field,) if error.key is None else (error.field, error.key)
            self._report(manifest, [(path, error.expected)])

    def _custom_resource(self, manifest: Manifest) -> None:
        # `status` in a manifest, from `kubectl get -o yaml` for instance, is ignored by the API server too.
        value = {name: member for name, member in manifest.value.items() if name != "status"}
        schema = schemas()[manifest.kind]
        admitted = admit(value, schema)
        if isinstance(admitted, list):
            self._report(manifest, admitted)
            return
        metadata = {**admitted["metadata"], "namespace": manifest.key.namespace}
        try:
            resource = _MODELS[manifest.kind].from_object({**admitted, "metadata": metadata})
        except InvalidObject as error:
            self._report(manifest, error.errors)
            return
        match resource:
            case ProvisioningConfig():
                self._configs[resource.key] = resource
            case RoleMapping():
                self._role_mappings.append(resource)
            case AttributeMapping():
                self._attribute_mappings.append(resource)

    def _report(self, manifest: Manifest, errors: Iterable[SchemaError]) -> bool:
        found = [manifest.finding(Severity.ERROR, path, message) for path, message in errors]
        self._findings += found
        return bool(found)


def admit(value: dict[str, Any], schema: Schema) -> dict[str, Any] | list[SchemaError]:
    """What the API server would store of a custom resource, or why it would refuse it: unknown fields and what breaks
    the schema, else the CEL rules, which need a value that fits it."""
    unknown = {path: meant for path, meant in unknown_fields(value, schema) if path[0] != "metadata"}
    metadata = value.get("metadata")
    complete = with_defaults({name: member for name, member in value.items() if name != "metadata"}, schema)
    complete = {**complete, "metadata": metadata}
    # A field that is misspelt isn't missing as well.
    misspelt = {(*path[:-1], meant) for path, meant in unknown.items()}
    errors = [(path, unknown_field(meant)) for path, meant in unknown.items()]
    errors += [error for error in violations(complete, schema) if error[0] not in misspelt]
    return errors or list(rule_violations(complete, schema)) or complete


def _objects(document: Document) -> Iterator[tuple[FieldPath, Any]]:
    """The object of a document; of a list (`List`, `RoleMappingList`), its items."""
    value = document.value
    if isinstance(value, dict) and str(value.get("kind")).endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            yield ("items", index), item
    else:
        yield (), value


def _type_of(value: Any) -> tuple[str, str]:
    if not isinstance(value, dict):
        return "", ""
    api_version, kind = value.get("apiVersion"), value.get("kind")
    return (api_version if isinstance(api_version, str) else "", kind if isinstance(kind, str) else "")


def _name_of(value: dict[str, Any], namespace: str) -> ObjectKey | SchemaError:
    """The key of an object, or what is wrong with its metadata. `namespace` is for one that gives none."""
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or name is None or name == "":
        return ("metadata",), "a name is required (metadata.name, a string)"
    declared = None if namespace == CLUSTER_SCOPED else metadata.get("namespace")
    for field, given in (("name", name), ("namespace", declared)):
        wrong = None if given is None else wrong_type(given, "string")
        if wrong:
            return ("metadata", field), wrong
    if declared == "":
        return ("metadata", "namespace"), "a value is expected"
    return ObjectKey(namespace if declared is None else declared, name)
