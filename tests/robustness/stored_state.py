"""What a database holds, read by plain SQL, and whether all of it fits together.

Roles are computed here once more, from memberships and the configuration, by other code than the server's.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg

from scim_server.config import Tenant


@dataclass(frozen=True)
class StoredState:
    """One tenant's rows. Ids are text."""

    users: dict[str, dict[str, Any]]
    """Documents by id."""
    groups: dict[str, dict[str, Any]]
    user_names: set[tuple[str, str]]
    """(key of userName, id) as indexed."""
    emails: set[tuple[str, str]]
    """(key of the address, id of the user) as indexed."""
    memberships: set[tuple[str, str]]
    """(group, user)"""
    nestings: set[tuple[str, str]]
    """(group, member group)"""
    roles: set[tuple[str, str]]
    """(user, role)"""
    pending: set[str]
    totals: dict[str, int]

    def members_of(self, group_id: str) -> set[str]:
        return {user for group, user in self.memberships if group == group_id}

    def assert_whole(self, tenant: Tenant) -> None:
        """Every part says the same: nothing is half applied, and roles are what memberships say."""
        assert self.user_names == {(user["userName"].lower(), key) for key, user in self.users.items()}
        assert self.emails == {
            (email["value"].lower(), key) for key, user in self.users.items() for email in user.get("emails", ())
        }
        assert {user for _, user in self.memberships} <= self.users.keys()
        assert {group for group, _ in self.memberships | self.nestings} <= self.groups.keys()
        assert {child for _, child in self.nestings} <= self.groups.keys()
        assert self.pending == set()
        assert self.totals.get("users", 0) == len(self.users)
        assert self.totals.get("groups", 0) == len(self.groups)
        assert self.roles == set(self._expected_roles(tenant))

    def _expected_roles(self, tenant: Tenant) -> Iterable[tuple[str, str]]:
        granted: dict[str, set[str]] = defaultdict(set)
        for rule in tenant.rules:
            for selector in rule.groups:
                for key, group in self.groups.items():
                    if selector.display_name == group["displayName"] or (
                        selector.external_id is not None and selector.external_id == group.get("externalId")
                    ):
                        granted[key] |= set(rule.roles)
        for key, user in self.users.items():
            if not user["active"]:
                continue
            reached = {group for group, member in self.memberships if member == key}
            while more := {group for group, child in self.nestings if child in reached} - reached:
                reached |= more
            mapped = {role for group in reached for role in granted[group]}
            for role in mapped | set(tenant.base_roles) | (set() if mapped else set(tenant.fallback_roles)):
                yield key, role


async def read_state(url: str, tenant: str) -> StoredState:
    """From a database in use: all of one instant."""
    if url.startswith("sqlite"):
        return _read_sqlite(url.removeprefix("sqlite:///"), tenant)
    session = await asyncpg.connect(url)
    try:
        async with session.transaction(isolation="repeatable_read", readonly=True):
            rows = {
                name: [tuple(row) for row in await session.fetch(statement.replace("?", "$1"), tenant)]
                for name, statement in _STATEMENTS.items()
            }
    finally:
        await session.close()
    return _state_of(rows)


def _read_sqlite(path: str, tenant: str) -> StoredState:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        connection.execute("BEGIN")
        rows = {name: connection.execute(statement, (tenant,)).fetchall() for name, statement in _STATEMENTS.items()}
    finally:
        connection.close()
    return _state_of(rows)


_STATEMENTS = {
    "users": "SELECT id, document FROM users WHERE tenant = ?",
    "groups": "SELECT id, document FROM groups WHERE tenant = ?",
    "user_names": "SELECT user_name_key, id FROM users WHERE tenant = ?",
    "emails": "SELECT value_key, user_id FROM user_emails WHERE tenant = ?",
    "memberships": "SELECT group_id, user_id FROM memberships WHERE tenant = ?",
    "nestings": "SELECT group_id, child_id FROM nestings WHERE tenant = ?",
    "roles": "SELECT user_id, role FROM user_roles WHERE tenant = ?",
    "pending": "SELECT user_id FROM pending_users WHERE tenant = ?",
    "totals": "SELECT kind, sum(added) - sum(removed) FROM totals WHERE tenant = ? GROUP BY kind",
}


def _state_of(rows: dict[str, list[tuple[Any, ...]]]) -> StoredState:
    def pairs(name: str) -> set[tuple[str, str]]:
        return {(str(one), str(other)) for one, other in rows[name]}

    return StoredState(
        users={str(key): json.loads(document) for key, document in rows["users"]},
        groups={str(key): json.loads(document) for key, document in rows["groups"]},
        user_names=pairs("user_names"),
        emails=pairs("emails"),
        memberships=pairs("memberships"),
        nestings=pairs("nestings"),
        roles=pairs("roles"),
        pending={str(key) for (key,) in rows["pending"]},
        totals={kind: int(count) for kind, count in rows["totals"]},
    )
