"""The look-ups that providers make are answered by an index: read in the databases' own plans."""

import asyncio
import itertools
import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.filter import parse
from scim_server.scim.path import resolve
from scim_server.scim.resource_types import GROUP_TYPE, USER_TYPE
from scim_server.storage.postgres.search_dialect import POSTGRES
from scim_server.storage.protocol import Writer
from scim_server.storage.records import PermissionsOfRoles, Position, Query
from scim_server.storage.search import GROUPS, USERS, CompiledSearch, compile_search
from scim_server.storage.sqlite.search_dialect import SQLITE
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.storages import open_storage

pytestmark = pytest.mark.xdist_group("search-plans")  # whose tests share what takes long to make

TENANT = "acme/okta"
COUNT = 3000


@pytest.fixture(scope="module")
def filled_url(url: str) -> str:
    asyncio.run(_fill(url))
    return url


async def _fill(url: str) -> None:
    """A tenant of some thousand users and groups beside another tenant."""
    storage = open_storage(url)
    await storage.open()
    for tenant in (TENANT, "acme/other"):
        steps = Steps(storage, tenant)
        await steps.put_rules(rules((named("granting"), ["admin"]), base=["viewer"]), 1)

        async def fill(writer: Writer) -> None:
            for number in range(COUNT):
                active = number % 200 != 0
                emails = [{"value": f"u{number}@example.com", "type": "work"}]
                roles = {"roles": [{"value": f"Role {number}"}]} if number % 2 else {}
                await writer.insert_user(
                    {
                        "userName": f"u{number}",
                        "displayName": f"User {number}",
                        "externalId": f"e{number}",
                        "active": active,
                        "emails": emails,
                        **roles,
                    },
                    active,
                )
                await writer.insert_group({"displayName": f"g{number}", "externalId": f"e{number}"}, ())

        await storage.write(tenant, fill)
        users = await storage.read(tenant, lambda reader: reader.users(Query(count=COUNT)))
        groups = await storage.read(tenant, lambda reader: reader.groups(Query(count=300)))
        for number, group in enumerate(groups.records):
            await steps.change_members(
                group.id, add=[user.id for user in users.records[number * 10 : number * 10 + 10]]
            )
        await steps.add_group("granting", [user.id for user in users.records[::500]], externalId="granting")
    await storage.close()
    if not url.startswith("sqlite"):  # as autovacuum does
        connection = await asyncpg.connect(url)
        await connection.execute("ANALYZE")
        await connection.close()


async def _plan(url: str, kind: str, query: Query) -> str:
    searchable = USERS if kind == "users" else GROUPS
    if url.startswith("sqlite"):
        compiled = compile_search(searchable, SQLITE, TENANT, query, "id, document")
        return "\n".join(_sqlite_plan(url, compiled))
    compiled = compile_search(searchable, POSTGRES, TENANT, query, "id, document")
    connection = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
    rows = await connection.fetch(f"EXPLAIN {compiled.page}", *compiled.page_parameters)
    await connection.close()
    return "\n".join(row[0] for row in rows)


def _sqlite_plan(url: str, compiled: CompiledSearch) -> list[Any]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    for function in ("fold", "instant"):
        connection.create_function(function, 1, lambda value: value, deterministic=True)
    try:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {compiled.page}", compiled.page_parameters)
        return [row[3] for row in plan]
    finally:
        connection.close()


def _scans(plan: str, table: str, alias: str) -> bool:
    """Whether all resources are walked through, be it in the order of an index."""
    return f"Seq Scan on {table}" in plan or f"SCAN {alias}" in plan or f"{table}_created" in plan


ID = "8a3f7a3e-8c1b-4b57-9a55-0d5f6f1f2b11"
PROVIDER_ROLES = ("users_provider_roles", "user_provider_roles USING PRIMARY KEY")
PERMISSIONS: PermissionsOfRoles = {"admin": ["administer"], "viewer": []}


@pytest.mark.parametrize(
    ("filter_", "indexes"),
    [
        (f'id eq "{ID}"', ("users_pkey", "sqlite_autoindex_users_1")),
        ('userName eq "U7"', ("users_user_name",)),
        ('externalId eq "e7"', ("users_external_id",)),
        ('displayName eq "user 7"', ("users_display_name",)),
        ('emails.value eq "U7@example.com"', ("user_emails_pkey", "user_emails USING PRIMARY KEY")),
        ('emails eq "U7@example.com"', ("user_emails_pkey", "user_emails USING PRIMARY KEY")),
        (
            'emails[type eq "work" and value eq "u7@example.com"]',
            ("user_emails_pkey", "user_emails USING PRIMARY KEY"),
        ),
        ('emails[type eq "work"].value eq "u7@example.com"', ("user_emails_pkey", "user_emails USING PRIMARY KEY")),
        (f'{EFFECTIVE_URN}:roles.value eq "admin"', ("user_roles_role",)),
        (f'groups.value eq "{ID}"', ("memberships_pkey", "m USING PRIMARY KEY")),
        ('roles.value eq "ROLE 7"', PROVIDER_ROLES),
        ('roles eq "role 7"', PROVIDER_ROLES),
        ('roles[value eq "role 7" and primary eq true]', PROVIDER_ROLES),
        ("active eq false", ("users_inactive",)),
        ("active ne true", ("users_inactive",)),
        ("not (active eq true)", ("users_inactive",)),
        ("not (not (active eq false))", ("users_inactive",)),
        ('not (userName ne "u7")', ("users_user_name",)),
        ('meta.lastModified gt "2099-01-01T00:00:00Z"', ("users_modified",)),
        ('userName eq "u7" and active eq true', ("users_user_name",)),
    ],
)
async def test_users_are_found_by_index(filled_url: str, filter_: str, indexes: tuple[str, ...]) -> None:
    plan = await _plan(filled_url, "users", Query(filter=parse(filter_, USER_TYPE)))
    assert any(index in plan for index in indexes), plan
    assert not _scans(plan, "users", "u"), plan


LEAVES = (
    f'id eq "{ID}"',
    'userName eq "u7"',
    'displayName eq "user 7"',
    'externalId eq "e7"',
    'emails.value eq "u7@example.com"',
    'emails[type eq "work" and value eq "u7@example.com"]',
    'emails[type eq "work"].value eq "u7@example.com"',
    f'groups.value eq "{ID}"',
    'roles.value eq "role 7"',
    f'{EFFECTIVE_URN}:roles.value eq "admin"',
    f'{EFFECTIVE_URN}:permissions eq "administer"',
    f'{EFFECTIVE_URN}:state eq "blocked"',
    "active ne true",
    'meta.lastModified gt "2099-01-01T00:00:00Z"',
)
"""What an index answers: so it does, too, when several are joined by `or`."""


@pytest.mark.parametrize(
    "filter_",
    [
        *(f"{leaf} or {other}" for leaf, other in itertools.combinations(LEAVES, 2)),
        *(f"{leaf} or {leaf}" for leaf in LEAVES),
        " or ".join(LEAVES),
        " or ".join(f'emails.value eq "u{number}@example.com"' for number in range(30)),
        " or ".join(f'(emails.value eq "u{number}@example.com" and title pr)' for number in range(30)),
        *(f'({leaf} or userName eq "u8") and active eq true' for leaf in LEAVES),
        *(f'({leaf} or userName eq "u8") and (externalId eq "e7" or {leaf})' for leaf in LEAVES),
        'emails.value eq "u7@example.com" or (title eq "x" and (userName eq "u8" or active eq false))',
    ],
)
async def test_users_are_found_by_several_indexes(filled_url: str, filter_: str) -> None:
    plan = await _plan(filled_url, "users", Query(filter=parse(filter_, USER_TYPE), permissions=PERMISSIONS))
    assert not _scans(plan, "users", "u"), plan


@pytest.mark.parametrize(
    ("filter_", "indexes"),
    [
        ('displayName eq "G7"', ("groups_display_name",)),
        ('externalId eq "e7"', ("groups_external_id",)),
        (f'members.value eq "{ID}"', ("memberships_user",)),
        (f'members eq "{ID}"', ("memberships_user",)),
        (f'id eq "{ID}" and members eq "{ID}"', ("groups_pkey", "sqlite_autoindex_groups_1")),
        ('meta.lastModified gt "2099-01-01T00:00:00Z"', ("groups_modified",)),
        (f'displayName eq "g7" or members eq "{ID}"', ("groups_display_name",)),
        (f'externalId eq "e7" or (members eq "{ID}" and displayName co "g")', ("memberships_user",)),
    ],
)
async def test_groups_are_found_by_index(filled_url: str, filter_: str, indexes: tuple[str, ...]) -> None:
    plan = await _plan(filled_url, "groups", Query(filter=parse(filter_, GROUP_TYPE)))
    assert any(index in plan for index in indexes), plan
    assert not _scans(plan, "groups", "g"), plan


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("kind", "sort_by", "index"),
    [
        ("users", "userName", "users_user_name"),
        ("users", "displayName", "users_display_name"),
        ("users", "externalId", "users_external_id"),
        ("groups", "displayName", "groups_display_name"),
        ("groups", "externalId", "groups_external_id"),
    ],
)
async def test_sorted_pages_are_read_in_the_order_of_an_index(
    filled_url: str, kind: str, sort_by: str, index: str, descending: bool
) -> None:
    """On PostgreSQL; SQLite has those without a value at the other end of an index."""
    path = resolve(sort_by, USER_TYPE if kind == "users" else GROUP_TYPE)
    plan = await _plan(filled_url, kind, Query(sort_by=path, descending=descending))
    if filled_url.startswith("sqlite"):
        assert (index in plan) is (index in ("users_user_name", "groups_display_name")), plan
    else:
        assert index in plan, plan
        assert "Incremental Sort" in plan, plan  # of those alone that are alike


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("kind", "sort_by"), [("users", "userName"), ("groups", "displayName")])
@pytest.mark.parametrize("forward", [True, False])
async def test_a_sorted_page_begins_where_the_cursor_is(
    filled_url: str, kind: str, sort_by: str, descending: bool, forward: bool
) -> None:
    path = resolve(sort_by, USER_TYPE if kind == "users" else GROUP_TYPE)
    position = Position(datetime(2026, 11, 24, tzinfo=UTC), ID, "u5")
    query = Query(sort_by=path, descending=descending)
    plan = await _plan(
        filled_url, kind, replace(query, after=position) if forward else replace(query, before=position)
    )
    assert re.search(r"(Index Cond: |USING INDEX ).*_key ?[<>]", plan), plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan, plan


@pytest.mark.parametrize("kind", ["users", "groups"])
async def test_a_page_is_read_in_the_order_of_an_index(filled_url: str, kind: str) -> None:
    plan = await _plan(filled_url, kind, Query())
    assert f"{kind}_created" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
