"""What the three kinds share: metadata, and parsing that says what is wrong and where.

Objects from a cluster passed the CustomResourceDefinition once, perhaps an older one. So parsing checks again
everything that the rest of the operator relies on, ignores fields that it doesn't know (the API server prunes
them), and reports each error with its field.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from scim_operator.api.field_path import FieldPath, format_field_path
from scim_operator.api.keys import ObjectKey

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A name that users choose: of a role, a rule, a credential, a group. The same bound as in the server's contract."""


def _text_of_time(value: object) -> object:
    if not isinstance(value, str | datetime):
        raise ValueError("a time such as 2027-05-01T00:00:00Z is expected")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time in the years 1 to 9999 of UTC is expected") from None


Time = Annotated[AwareDatetime, BeforeValidator(_text_of_time), AfterValidator(_in_utc)]
"""An RFC 3339 time, in UTC. Plain numbers, which pydantic would take as seconds, are refused."""


class InvalidObject(ValueError):
    """An object that doesn't fit the API. `errors` are (path of the field, message), at least one."""

    def __init__(self, errors: tuple[tuple[FieldPath, str], ...]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{format_field_path(path) or 'object'}: {message}" for path, message in errors))


class ApiModel(BaseModel):
    """Base of every part of an object: immutable, camelCase in YAML, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Metadata(ApiModel):
    """The part of `metadata` that the operator reads."""

    namespace: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] | None = None


class Resource(ApiModel):
    """Base of the three kinds."""

    kind: ClassVar[str]

    metadata: Metadata
    status: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.metadata.namespace, self.metadata.name)

    @property
    def being_deleted(self) -> bool:
        """Whether deletion was asked for: the object may linger for the finalizers of others, without effect."""
        return self.metadata.deletion_timestamp is not None

    @classmethod
    def from_object(cls, raw: Any) -> Self:
        """Parse an object as the Kubernetes API returns it. Raises `InvalidObject`."""
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise InvalidObject(
                tuple(
                    (detail["loc"], detail["msg"].removeprefix("Value error, "))
                    for detail in error.errors(include_url=False, include_context=False, include_input=False)
                )
            ) from None


def require_unique(what: str, names: list[str]) -> None:
    """Raises `ValueError` naming the first repeated name. The API server holds this for list-maps and sets."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} appears more than once")
        seen.add(name)
