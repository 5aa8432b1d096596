"""Errors of the contract."""


class ConfigError(ValueError):
    """A configuration that can't be used. The message names the field and what was expected."""
