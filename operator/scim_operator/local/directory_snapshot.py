"""What a tenant's users and groups are at one moment, and what is different at another one, in words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from scim_server.storage.protocol import Reader
from scim_server.storage.records import Query

MOST_USERS = 2000
"""Of a larger tenant no snapshot is taken: local mode is for trying things out."""
_MOST_GROUPS = 2000


@dataclass(frozen=True, slots=True)
class User:
    name: str
    active: bool
    roles: frozenset[str]
    document: Mapping[str, object] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict, compare=False)
    """By role, in words."""


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class DirectorySnapshot:
    """By id."""

    users: Mapping[str, User]
    groups: Mapping[str, Group]


async def take_snapshot(reader: Reader) -> DirectorySnapshot | None:
    """None for a tenant of more than `MOST_USERS`. To be read in a snapshot of the database."""
    users = await reader.users(Query(count=MOST_USERS))
    groups = await reader.groups(Query(count=_MOST_GROUPS))
    if users.end is not None or groups.end is not None:
        return None
    roles = await reader.effective_roles([user.id for user in users.records])
    return DirectorySnapshot(
        {
            user.id: User(
                str(user.document.get("displayName") or user.document.get("userName")),
                user.active,
                frozenset(role.value for role in roles.get(user.id, ())),
                user.document,
                {
                    role.value: "; ".join(
                        _in_words(reason.source, reason.group, f"{reason.rule} of {reason.mapping}")
                        for reason in role.reasons
                    )
                    for role in roles.get(user.id, ())
                },
            )
            for user in users.records
        },
        {
            group.id: Group(
                str(group.document.get("displayName")),
                frozenset([member.id async for part in reader.members(group.id, names=False) for member in part]),
            )
            for group in groups.records
        },
    )


def describe(before: DirectorySnapshot, after: DirectorySnapshot) -> list[str]:
    """A line for each user and each group that is different. Pure."""
    return [*_of_groups(before, after), *_of_users(before.users, after.users)]


def _of_users(before: Mapping[str, User], after: Mapping[str, User]) -> Iterator[str]:
    for user_id in _keys(before, after):
        old, new = before.get(user_id), after.get(user_id)
        if new is None and old is not None:
            yield f"deleted {old.name}"
        elif old is None and new is not None:
            yield f"created {new.name}{'' if new.active else ', inactive'}: {_listed(new.roles, 'no role')}"
        elif old is not None and new is not None and old != new:
            yield f"changed {new.name}: {'; '.join(_of_user(old, new))}"


def _of_user(old: User, new: User) -> Iterator[str]:
    if old.active != new.active:
        yield "active again" if new.active else "blocked"
    if gained := new.roles - old.roles:
        yield f"gained {_listed(f'{role} ({new.why[role]})' if role in new.why else role for role in gained)}"
    if lost := old.roles - new.roles:
        yield f"lost {_listed(lost)}"
    names = old.document.keys() | new.document.keys()
    attributes = {name for name in names if old.document.get(name) != new.document.get(name)} - {"active"}
    if attributes:
        yield f"sent {_listed(attributes)}"


def _in_words(source: str | None, group: str | None, rule: str) -> str:
    """Of a reason."""
    if source is not None:
        return f"{source} role"
    return f"group {group!r}, by rule {rule}" if group is not None else f"by rule {rule}"


def _of_groups(before: DirectorySnapshot, after: DirectorySnapshot) -> Iterator[str]:
    for group_id in _keys(before.groups, after.groups):
        old, new = before.groups.get(group_id), after.groups.get(group_id)
        if new is None and old is not None:
            yield f"deleted group {old.name}"
        elif old is None and new is not None:
            yield f"created group {new.name} with {_members(len(new.members))}"
        elif old is not None and new is not None and old != new:
            yield f"changed group {new.name}: {'; '.join(_of_group(old, new))}"


def _of_group(old: Group, new: Group) -> Iterator[str]:
    if old.name != new.name:
        yield f"it was {old.name}"
    if added := len(new.members - old.members):
        yield f"{_members(added)} added"
    if removed := len(old.members - new.members):
        yield f"{_members(removed)} removed"


def _keys(before: Mapping[str, object], after: Mapping[str, object]) -> Iterable[str]:
    """Those of before in their order, then the new ones."""
    return dict.fromkeys((*before, *after))


def _listed(names: Iterable[str], none: str = "") -> str:
    return ", ".join(sorted(names)) or none


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"
