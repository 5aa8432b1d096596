"""Documents for tests of delivery."""

from scim_server.config import ConfigBundle, ServerConfig, ServerSecrets


def bundle(revision: int, token_key: str = "ab" * 32) -> ConfigBundle:
    return ConfigBundle(
        config=ServerConfig(revision=revision), secrets=ServerSecrets(revision=revision, token_key=token_key)
    )
