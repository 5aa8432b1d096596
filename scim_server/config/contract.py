"""What all parts of the contract are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$", max_length=253)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
ResourceKey = Annotated[str, StringConstraints(pattern=r"^[^/\s]+/[^/\s]+$", max_length=512)]
"""`namespace/name` of a custom resource."""
Revision = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
"""Of a shard; as large as the databases' integers."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Contract(BaseModel):
    """Base of every part: immutable, camelCase in JSON, nothing unknown accepted."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


def require_unique(field: str, names: list[str]) -> None:
    """Raises ValueError, which names `field` and the first name that comes again."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{field}: {name!r} appears more than once")
        seen.add(name)
