"""What a folder of manifests means: the configuration to serve, and what its author should know."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from scim_operator.api import (
    PROVISIONING_CONFIG,
    AttributeMapping,
    ObjectKey,
    ProvisioningConfig,
    RoleMapping,
)
from scim_operator.local.changes import LeftOut
from scim_operator.manifests import (
    Manifests,
    Severity,
    UnreadableFile,
    WorldPlan,
    plan_world,
    read_files,
    read_manifests,
    reference_findings,
)
from scim_operator.plan import MappingVerdict, Problem
from scim_server.config import Access, ConfigBundle


class UnusableManifests(ValueError):
    """Manifests that the API server would refuse. `problems` are one line each, with file and line."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class UnreadableManifests(UnusableManifests):
    """A file or folder that can't be read at all."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the place that it is from."""

    name: str
    """Of the credential."""
    access: Access
    value: str = field(repr=False)
    secret: ObjectKey
    key: str
    file: str
    encoded: bool
    """Whether it stands there in base64."""

    @property
    def place(self) -> str:
        """In words."""
        return f"key {self.key} of Secret {self.secret} in {self.file}{', in base64' if self.encoded else ''}"

    @property
    def command(self) -> str:
        """A shell command that prints it."""
        decode = " | base64 -d" if self.encoded else ""
        return f"sed -n 's/^ *{self.key}: *//p' {shlex.quote(self.file)}{decode}"


@dataclass(frozen=True, slots=True)
class Connection:
    """A tenant that can be tried: it has a token for a provider and one for an application."""

    tenant: ObjectKey
    provision: Token
    read: Token
    targets: tuple[str, ...]
    """Attributes of the profile that AttributeMappings make."""


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """What the manifests mean. `warnings` and `notes` are one line each, with file and line."""

    manifests: Manifests = field(repr=False)
    planned: WorldPlan = field(repr=False)
    token_key: bytes = field(repr=False)
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def bundle(self, revision: int) -> ConfigBundle:
        return self.planned.bundle(self.token_key, revision)

    @property
    def tenants(self) -> tuple[ObjectKey, ...]:
        """Those that are served."""
        return tuple(key for key, plan in self.planned.plans.items() if plan.tenant and not plan.tenant.deleted)

    @property
    def suspended(self) -> frozenset[ObjectKey]:
        """Configs that are to be left as they are served."""
        return frozenset(key for key, config in self.manifests.world.configs.items() if config.spec.suspend)

    def left_out(self) -> LeftOut:
        """Parts of mappings that have a problem."""
        verdicts: dict[tuple[str, ObjectKey], MappingVerdict] = {}
        for plan in self.planned.plans.values():
            verdicts.update(plan.mapping_verdicts)
        world = self.manifests.world
        found = set()
        mappings: tuple[RoleMapping | AttributeMapping, ...] = (*world.role_mappings, *world.attribute_mappings)
        for mapping in mappings:
            verdict = verdicts.get((mapping.kind, mapping.key))
            for problem in verdict.problems if verdict is not None else ():
                found |= {(f"{mapping.kind.lower()} {mapping.key}", part) for part in _parts(mapping, problem)}
        return found

    def connection(self) -> Connection | None:
        """The first tenant, by name, that can be tried."""
        for key in self.tenants:
            by_access = {token.access: token for token in reversed(self.tokens(key))}
            if Access.PROVISION in by_access and Access.READ in by_access:
                tenant = self.planned.plans[key].tenant
                targets = tuple(attribute.target for attribute in tenant.attributes) if tenant else ()
                return Connection(key, by_access[Access.PROVISION], by_access[Access.READ], targets)
        return None

    def tokens(self, tenant: ObjectKey) -> tuple[Token, ...]:
        """Those that work, as far as the manifests hold them."""
        config, planned = self.manifests.world.configs.get(tenant), self.planned.plans[tenant].tenant
        if config is None or planned is None:
            return ()
        usable = {credential.name for credential in planned.credentials}
        return tuple(token for token in self._written_tokens(config) if token.name in usable)

    def _written_tokens(self, config: ProvisioningConfig) -> Iterator[Token]:
        for bearer in config.spec.authentication.bearer_tokens:
            secret, key = ObjectKey(config.metadata.namespace, bearer.secret_ref.name), bearer.secret_ref.key
            value = self.manifests.world.secrets.get(secret, {}).get(key)
            if value is None:  # while the config is suspended, what was served before works
                continue
            source = self.manifests.sources["Secret", secret]
            yield Token(
                name=bearer.name,
                access=bearer.access,
                value=value.decode("ascii").strip(),
                secret=secret,
                key=key,
                file=source.file,
                encoded=key not in (source.value.get("stringData") or {}),
            )


def _parts(mapping: RoleMapping | AttributeMapping, problem: Problem) -> list[str]:
    """The rule, attribute or schema that the problem is about; all of them where it is about the whole mapping."""
    if isinstance(mapping, RoleMapping):
        named = {"rules": [f"rule {rule.name}" for rule in mapping.spec.rules]}
    else:
        named = {
            "attributes": [attribute.target for attribute in mapping.spec.attributes],
            "schemas": [f"schema {schema.id}" for schema in mapping.spec.schemas],
        }
    match problem.path:
        case ("spec", str(field), int(index), *_) if field in named:
            return [named[field][index]]
    return [part for parts in named.values() for part in parts]


def plan_folder(path: Path, namespace: str, token_key: bytes, served: ConfigBundle | None) -> FolderPlan:
    """Read and plan everything. `served` is what is served now: suspended configs keep their part of it.
    `namespace` is that of objects whose manifest gives none.

    Raises `UnusableManifests`.
    """
    try:
        manifests = read_manifests(read_files([path]), namespace)
    except UnreadableFile as error:
        raise UnreadableManifests((str(error),)) from None
    if manifests.errors:
        raise UnusableManifests(tuple(str(finding) for finding in manifests.errors))
    return FolderPlan(
        manifests=manifests,
        planned=plan_world(manifests.world, token_key, previous=served),
        token_key=token_key,
        warnings=tuple(_warnings(manifests, path, served)),
        notes=tuple(str(finding) for finding in manifests.findings if finding.severity is Severity.NOTE),
    )


def _warnings(manifests: Manifests, path: Path, served: ConfigBundle | None) -> Iterator[str]:
    """What a cluster would report in a status: the rest of the manifests is in effect."""
    if not any(kind == PROVISIONING_CONFIG for kind, _ in manifests.sources):
        yield f"{path}: warning: no ProvisioningConfig is here, so nothing is served"
    for finding in reference_findings(manifests, datetime.now(UTC), served, local=True):
        yield str(replace(finding, severity=Severity.WARNING))
