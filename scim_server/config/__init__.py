"""The contract between the operator and the server.

The operator writes two documents of one revision: a `ServerConfig`, which holds nothing secret, and
`ServerSecrets`, which holds only digests and the key they were made with. The server accepts them as a
pair or not at all. Nothing else passes from the control plane to the data plane.
"""

from scim_server.config.credentials import (
    DEFAULT_ALGORITHMS,
    Access,
    BasicCredential,
    BearerCredential,
    BoundCredential,
    Credential,
    JwtIssuer,
    KeySource,
    OAuthClient,
    SharedSecret,
    UserName,
)
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
from scim_server.config.extension_schemas import (
    MOST_ATTRIBUTES,
    MOST_SUB_ATTRIBUTES,
    AttributeName,
    Description,
    ExtendedResource,
    ExtensionAttribute,
    ExtensionSchema,
    ExtensionSubAttribute,
    ExtensionType,
    SchemaName,
    SchemaUrn,
)
from scim_server.config.holder import ConfigHolder, Outcome
from scim_server.config.jwks_url import check_jwks_url
from scim_server.config.model import (
    SCHEMA_VERSION,
    AttributeRule,
    Conformance,
    Deprovisioning,
    GroupSelector,
    OnDeletion,
    Role,
    RoleRule,
    ServerConfig,
    ServerSecrets,
    Tenant,
)
from scim_server.config.patterns import InvalidPattern, compile_pattern
from scim_server.config.public_keys import PublicJwk, SigningAlgorithm, parse_key_set, private_members
from scim_server.config.tokens import (
    MAXIMUM_TOKEN_BYTES,
    MINIMUM_TOKEN_BYTES,
    TokenTooLong,
    TokenTooShort,
    new_token_key,
    pair_digest,
    token_digest,
)
from scim_server.config.user_attributes import USER_ATTRIBUTES, UserAttributes

__all__ = [
    "CONFIG_FILE",
    "DEFAULT_ALGORITHMS",
    "MAXIMUM_TOKEN_BYTES",
    "MINIMUM_TOKEN_BYTES",
    "MOST_ATTRIBUTES",
    "MOST_SUB_ATTRIBUTES",
    "SCHEMA_VERSION",
    "SECRETS_FILE",
    "USER_ATTRIBUTES",
    "Access",
    "AttributeName",
    "AttributeRule",
    "BasicCredential",
    "BearerCredential",
    "BoundCredential",
    "ConfigBundle",
    "ConfigError",
    "ConfigHolder",
    "Conformance",
    "Credential",
    "Deprovisioning",
    "Description",
    "ExtendedResource",
    "ExtensionAttribute",
    "ExtensionSchema",
    "ExtensionSubAttribute",
    "ExtensionType",
    "GroupSelector",
    "InvalidPattern",
    "JwtIssuer",
    "KeySource",
    "OAuthClient",
    "OnDeletion",
    "Outcome",
    "PublicJwk",
    "Role",
    "RoleRule",
    "SchemaName",
    "SchemaUrn",
    "ServerConfig",
    "ServerSecrets",
    "SharedSecret",
    "SigningAlgorithm",
    "Tenant",
    "TokenTooLong",
    "TokenTooShort",
    "UserAttributes",
    "UserName",
    "check_jwks_url",
    "compile_pattern",
    "decode_config",
    "decode_secrets",
    "encode_config",
    "encode_secrets",
    "new_token_key",
    "pair_digest",
    "parse_key_set",
    "private_members",
    "token_digest",
]
