"""The control plane: reconciles custom resources into the configuration of the SCIM server."""
