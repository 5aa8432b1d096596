"""Several tenants together: one shard, or the whole configuration."""

from collections.abc import Iterable, Mapping, Sequence

from scim_server.config import ConfigBundle, ServerConfig, ServerSecrets, Tenant


def assemble(
    tenants: Iterable[tuple[Tenant, Mapping[str, str]]],
    token_key: bytes,
    revision: int,
    shard: int | None = None,
    webhook_keys: Mapping[str, Sequence[str]] | None = None,
) -> ConfigBundle:
    """One bundle of tenants with their digests and their webhooks' signing keys, sorted: equal content gives equal
    bytes.

    Raises `ValueError` (pydantic's) when a tenant comes twice or a credential has no digest.
    """
    ordered = sorted(tenants, key=lambda pair: (pair[0].namespace, pair[0].name))
    digests = {key: digest for _, of_tenant in ordered for key, digest in of_tenant.items()}
    return ConfigBundle(
        config=ServerConfig(shard=shard, revision=revision, tenants=tuple(tenant for tenant, _ in ordered)),
        secrets=ServerSecrets(
            shard=shard,
            revision=revision,
            token_key=token_key.hex(),
            digests=dict(sorted(digests.items())),
            webhook_keys={key: tuple(keys) for key, keys in sorted((webhook_keys or {}).items())},
        ),
    )


def same_content(a: ConfigBundle, b: ConfigBundle) -> bool:
    """Whether the two differ in nothing but their revision."""
    return (
        a.config.model_copy(update={"revision": b.revision}) == b.config
        and a.secrets.model_copy(update={"revision": b.revision}) == b.secrets
    )
