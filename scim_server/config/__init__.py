"""The contract between the operator and the server.

The operator writes two documents of one revision: a `ServerConfig`, which holds nothing secret, and
`ServerSecrets`, which holds only digests and the key they were made with. The server accepts them as a
pair or not at all. Nothing else passes from the control plane to the data plane.
"""

from scim_server.config.documents import (
    CONFIG_FILE,
    SECRETS_FILE,
    ConfigBundle,
    decode_config,
    decode_secrets,
    encode_config,
    encode_secrets,
)
from scim_server.config.errors import ConfigError
from scim_server.config.holder import ConfigHolder, Outcome
from scim_server.config.model import (
    SCHEMA_VERSION,
    Access,
    AttributeRule,
    BearerCredential,
    Deprovisioning,
    GroupSelector,
    Role,
    RoleRule,
    ServerConfig,
    ServerSecrets,
    Tenant,
)
from scim_server.config.patterns import compile_pattern
from scim_server.config.tokens import MINIMUM_TOKEN_BYTES, TokenTooShort, new_token_key, token_digest

__all__ = [
    "CONFIG_FILE",
    "MINIMUM_TOKEN_BYTES",
    "SCHEMA_VERSION",
    "SECRETS_FILE",
    "Access",
    "AttributeRule",
    "BearerCredential",
    "ConfigBundle",
    "ConfigError",
    "ConfigHolder",
    "Deprovisioning",
    "GroupSelector",
    "Outcome",
    "Role",
    "RoleRule",
    "ServerConfig",
    "ServerSecrets",
    "Tenant",
    "TokenTooShort",
    "compile_pattern",
    "decode_config",
    "decode_secrets",
    "encode_config",
    "encode_secrets",
    "new_token_key",
    "token_digest",
]
