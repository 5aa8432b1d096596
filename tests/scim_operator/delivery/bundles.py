"""Documents for tests of delivery."""

from scim_server.config import ConfigBundle, ServerConfig, ServerSecrets


def bundle(revision: int) -> ConfigBundle:
    return ConfigBundle(
        config=ServerConfig(revision=revision), secrets=ServerSecrets(revision=revision, token_key="ab" * 32)
    )
