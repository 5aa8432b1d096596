"""SCIM over HTTP, thin: authentication, bodies, parameters, answers. What happens is decided in `directory`."""
