"""The data plane: a SCIM 2.0 service provider, configured by a `ServerConfig` document."""
