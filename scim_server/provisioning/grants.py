"""What a SCIM group grants to its members, and by which rule."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """Members of a group have `role`, because of `rule` of `mapping` (`namespace/name`)."""

    mapping: str
    rule: str
    role: str
