"""The rules of provisioning, pure: which group grants which role, why a user has a role, the life of a user."""
