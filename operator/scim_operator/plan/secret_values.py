"""What a credential refers to, read from the Secrets that are there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scim_operator.api import FieldPath, ObjectKey, reasons
from scim_operator.plan.verdicts import Problem


@dataclass(frozen=True, slots=True)
class SecretValues:
    """The Secrets of one namespace, for one credential."""

    namespace: str
    secrets: Mapping[ObjectKey, Mapping[str, bytes]] = field(repr=False)
    credential: str
    """How messages call it: `credential "okta"`."""

    def read(self, path: FieldPath, name: str, key: str, key_field: str = "key") -> bytes | Problem:
        """The value of `key`, without the line's end after it. `path`: of the reference."""
        secret = ObjectKey(self.namespace, name)
        if secret not in self.secrets:
            message = f"{self.credential}: Secret {secret} was not found"
            return Problem((*path, "name"), reasons.SECRET_NOT_FOUND, message)
        if key not in self.secrets[secret]:
            message = f'{self.credential}: Secret {secret} has no key "{key}"'
            return Problem((*path, key_field), reasons.SECRET_KEY_NOT_FOUND, message)
        return self.secrets[secret][key].rstrip(b"\r\n")  # `echo token | base64`, editors: it is not meant

    def problem(self, path: FieldPath, name: str, key: str, reason: str, what: object) -> Problem:
        """A value that can't be used. `what` says why, without the value."""
        secret = ObjectKey(self.namespace, name)
        return Problem(path, reason, f'{self.credential}: key "{key}" of Secret {secret}: {what}')
