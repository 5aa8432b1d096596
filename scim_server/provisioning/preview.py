"""Who would gain and who would lose which role. Pure."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

MOST_EXAMPLES = 10
"""Of the users who gain or lose one role, so many are named."""

MOST_USERS = 1000
"""So many users are named of a tenant, those who lose something first."""


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, use_attribute_docstrings=True
    )


class RoleFigures(_Part):
    """Of one role."""

    count: int
    """Users"""
    examples: tuple[str, ...]
    """The userNames of the first of them."""


class UserFigures(_Part):
    user_name: str
    gains: tuple[str, ...]
    losses: tuple[str, ...]


class TenantPreview(_Part):
    tenant: Annotated[str, Field(description="`namespace/name`")]
    users_in_all: int
    """Whom the tenant has."""
    users_changing: int
    """Who gain or lose at least one role."""
    users_gaining: int
    """Who gain at least one role."""
    users_losing: int
    """Who lose at least one role."""
    gains: dict[str, RoleFigures]
    """By role."""
    losses: dict[str, RoleFigures]
    """By role."""
    users: tuple[UserFigures, ...]
    """Who gain or lose something: first those who lose, then the others, each by userName. Of very many only some."""


class Preview(_Part):
    """What a configuration would change of the roles that users have now."""

    tenants: tuple[TenantPreview, ...]


@dataclass(slots=True)
class _Names:
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(name)

    def figures(self) -> RoleFigures:
        return RoleFigures(count=self.count, examples=tuple(sorted(self.examples)))


class Tally:
    """Counts the gains and losses of a tenant's users, one after the other, in bounded memory.

    Of many users the first ones are named: they come in the order of their ids, the same ones each time.
    """

    def __init__(self) -> None:
        self._gains: dict[str, _Names] = {}
        self._losses: dict[str, _Names] = {}
        self._users = 0
        self._changing = 0
        self._gaining = 0
        self._losing = 0
        self._losers: list[UserFigures] = []
        self._others: list[UserFigures] = []

    def add(self, user_name: str, before: Set[str], after: Set[str]) -> None:
        """A user whose roles would change from the ones to the others."""
        self._users += 1
        if before == after:
            return
        self._changing += 1
        gains, losses = sorted(after - before), sorted(before - after)
        for role in gains:
            self._gains.setdefault(role, _Names()).add(user_name)
        for role in losses:
            self._losses.setdefault(role, _Names()).add(user_name)
        self._gaining += bool(gains)
        self._losing += bool(losses)
        named = self._losers if losses else self._others
        if len(named) < MOST_USERS:
            named.append(UserFigures(user_name=user_name, gains=tuple(gains), losses=tuple(losses)))

    def preview(self, tenant: str) -> TenantPreview:
        named = [*sorted(self._losers, key=_name), *sorted(self._others, key=_name)]
        return TenantPreview(
            tenant=tenant,
            users_in_all=self._users,
            users_changing=self._changing,
            users_gaining=self._gaining,
            users_losing=self._losing,
            gains={role: self._gains[role].figures() for role in sorted(self._gains)},
            losses={role: self._losses[role].figures() for role in sorted(self._losses)},
            users=tuple(named[:MOST_USERS]),
        )


def _name(user: UserFigures) -> str:
    return user.user_name
