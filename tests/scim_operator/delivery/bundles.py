"""Shards for tests of delivery."""

from scim_server.config import ConfigBundle, ServerConfig, ServerSecrets


def bundle(revision: int, token_key: str = "ab" * 32, shard: int = 0) -> ConfigBundle:
    return ConfigBundle(
        config=ServerConfig(shard=shard, revision=revision),
        secrets=ServerSecrets(shard=shard, revision=revision, token_key=token_key),
    )
