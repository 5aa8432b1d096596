"""Filters in SQL mean what `scim.filter.matches` says: generated users, groups and filters, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scim_server.folding import fold
from scim_server.scim.core_schemas import GROUP_URN, USER_URN
from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidFilter
from scim_server.scim.filter import (
    And,
    Comparison,
    Filter,
    Not,
    Or,
    Present,
    ValuePath,
    conjunction,
    disjunction,
    matches,
    parse,
    render,
)
from scim_server.scim.filter.parser import MAX_TERMS
from scim_server.scim.path import AttributePath, resolve
from scim_server.scim.resource_types import GROUP_TYPE
from scim_server.scim.schema import ResourceType
from scim_server.scim.values import stored_instant
from scim_server.scim.versions import etag
from scim_server.storage.index_keys import LONGEST_KEY, index_key
from scim_server.storage.protocol import Reader, Storage
from scim_server.storage.records import Query, UserRecord
from scim_server.storage.search.sql_builder import MOST_COMPARED_ELEMENTS
from tests.scim_server.scim.strategies import (
    CUSTOM_URN,
    FILTERABLE,
    INSTANTS,
    SMALL_TEXT,
    TEXT,
    USER_WITH_APP,
    comparisons,
    emails,
)
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.examples import few
from tests.support.policies import policy_of

ROLES = {"admin": ("Users:write", "alerts:read"), "viewer": ("alerts:read",), "idle": ()}
RULES = rules((named("aB"), ["admin"]), (named("b"), ["idle"]), fallback=["viewer"])
DELAYED = policy_of(RULES.rules, RULES.base_roles, RULES.fallback_roles, timedelta(hours=1))

USER_ATTRIBUTES = [
    *FILTERABLE,
    "displayName",
    "nickName",
    "roles.value",
    "addresses.country",
    "schemas",
    "groups.value",
    "groups.display",
    "groups.type",
    "meta.created",
    "meta.version",
    "meta.resourceType",
    f"{CUSTOM_URN}:years",
    f"{CUSTOM_URN}:card.number",
    f"{CUSTOM_URN}:card.doors",
    f"{CUSTOM_URN}:keys.doors",
    f"{CUSTOM_URN}:keys.floors",
    f"{EFFECTIVE_URN}:state",
    f"{EFFECTIVE_URN}:permissions",
]
GROUP_ATTRIBUTES = [
    "id",
    "displayName",
    "externalId",
    "members.value",
    "members.display",
    "members.type",
    "meta.created",
    "meta.lastModified",
    "meta.version",
    "schemas",
]
COMPLEX = [
    "emails",
    "photos",
    "addresses",
    "groups",
    "name",
    f"{CUSTOM_URN}:card",
    f"{CUSTOM_URN}:keys",
    f"{EFFECTIVE_URN}:roles",
]

SIMPLE = [f"{CUSTOM_URN}:tags", f"{CUSTOM_URN}:years", "schemas", f"{EFFECTIVE_URN}:permissions"]
"""Of several values, which are `value` in brackets."""

WRITTEN_TIMES = [
    "2020-02-29T00:00:00Z",
    "2020-02-29T00:00:00.1234567-14:00",
    "2020-02-29T23:59:59.9999999",
    "9999-12-31T23:59:59.9999999Z",
    "0001-01-01T00:00:00Z",
    # which only a schema that changed leaves behind
    "2020-02-30T00:00:00Z",
    "2020-02-29",
    "2020-02-29 00:00:00Z",
    "2020-02-29T24:00:00Z",
    "9999-12-31T23:59:59-10:00",
    "infinity",
]

UNKNOWN_ID = "8a3f7a3e-8c1b-4b57-9a55-0d5f6f1f2b11"

# What can't be known before the resources are stored is drawn as a number, and put in afterwards.
IDS = {"id", "groups.value", "members.value"}
TIMES = {"meta.created", "meta.lastModified", "roles.since"}
TELLING = {
    "meta.version": [etag(1), "W/", "2"],
    "meta.resourceType": ["User", "use", "Group"],
    "groups.type": ["direct", "Indirect"],
    "members.type": ["user", "Group"],
    "state": ["active", "blocked", "Deactivated", "d"],
    "permissions": ["alerts:read", "alerts", "Users:write", "users:"],
    "roles.value": ["admin", "viewer", "VIEWER", "idle", "a"],
    "schemas": [USER_URN, ENTERPRISE_URN, CUSTOM_URN, CUSTOM_URN.upper(), GROUP_URN, "urn:"],
}
TELLING |= {f"{name}.value": TELLING[name] for name in ("permissions", "schemas")}


def _comparisons(path: AttributePath) -> st.SearchStrategy[Filter]:
    generated = comparisons(path)
    if path.dotted in IDS or path.dotted in TIMES:
        return st.tuples(generated, st.integers(0, 9)).map(lambda pair: _with_value(pair[0], f"#{pair[1]}"))
    if path.dotted in TELLING:
        return st.tuples(generated, st.sampled_from(TELLING[path.dotted])).map(lambda pair: _with_value(*pair))
    return generated


def _with_value(comparison: Filter, value: Any) -> Filter:
    assert isinstance(comparison, Comparison)
    return Comparison(comparison.path, comparison.operator, value)


def _leaves(path: AttributePath) -> st.SearchStrategy[Filter]:
    return _comparisons(path) | st.just(Present(path))


def _combined(leaves: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, min_size=2, max_size=3).map(conjunction)
            | st.lists(inner, min_size=2, max_size=3).map(disjunction)
            | inner.map(Not)
        ),
        max_leaves=5,
    )


def _value_paths(name: str, resource_type: ResourceType, *, without: set[str]) -> st.SearchStrategy[Filter]:
    path = resolve(name, resource_type)
    inner = [
        AttributePath(path.schema_urn, path.attribute, sub)
        for sub in path.attribute.sub_attributes or (path.attribute.element,)
        if sub.name not in without and sub.type != "complex"
    ]
    return _combined(st.sampled_from(inner).flatmap(_leaves)).map(lambda filter_: ValuePath(path, filter_))


def _user_filters() -> st.SearchStrategy[Filter]:
    paths = st.sampled_from([resolve(name, USER_WITH_APP) for name in USER_ATTRIBUTES])
    whole = st.sampled_from(COMPLEX).map(lambda name: Present(resolve(name, USER_WITH_APP)))
    unanswerable = {"$ref", "display", "reasons"}
    selections = st.sampled_from([*COMPLEX, *SIMPLE]).flatmap(
        lambda name: _value_paths(name, USER_WITH_APP, without=unanswerable if name.endswith("roles") else {"$ref"})
    )
    return _combined(paths.flatmap(_leaves) | whole | selections)


def _group_filters() -> st.SearchStrategy[Filter]:
    paths = st.sampled_from([resolve(name, GROUP_TYPE) for name in GROUP_ATTRIBUTES])
    whole: st.SearchStrategy[Filter] = st.just(Present(resolve("members", GROUP_TYPE)))
    return _combined(paths.flatmap(_leaves) | whole | _value_paths("members", GROUP_TYPE, without={"$ref"}))


def _elements(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries({}, optional=parts), min_size=1, max_size=2)


def _users() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"userName": TEXT, "active": st.booleans()},
        optional={
            "externalId": TEXT,
            "displayName": TEXT,
            "title": TEXT,
            "name": st.fixed_dictionaries({}, optional={"familyName": SMALL_TEXT, "givenName": SMALL_TEXT}),
            "emails": emails(),
            "photos": _elements(value=SMALL_TEXT, type=SMALL_TEXT, primary=st.booleans()),
            "addresses": _elements(country=SMALL_TEXT, type=SMALL_TEXT),
            "roles": _elements(value=st.sampled_from(["Admin", "x"]), primary=st.booleans()),
            ENTERPRISE_URN: st.fixed_dictionaries(
                {"department": SMALL_TEXT}, optional={"manager": st.fixed_dictionaries({"value": SMALL_TEXT})}
            ),
            CUSTOM_URN: st.fixed_dictionaries(
                {"orgName": SMALL_TEXT | OF_ANOTHER_TYPE},
                optional={name: values | OF_ANOTHER_TYPE for name, values in CUSTOM_VALUES.items()},
            ),
        },
    )


OF_ANOTHER_TYPE = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.just(2.5) | SMALL_TEXT | st.sampled_from(WRITTEN_TIMES),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["value", "doors"]), inner),
    max_leaves=4,
)
"""What an earlier schema has left behind."""

CUSTOM_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "level": st.integers(-3, 3),
    "score": st.integers(-3, 3).map(float) | st.integers(-3, 3),
    "joined": INSTANTS.map(datetime.isoformat) | st.sampled_from(WRITTEN_TIMES),
    "key": SMALL_TEXT,
    "tags": st.lists(SMALL_TEXT, min_size=1, max_size=3),
    "years": st.lists(st.integers(-3, 3) | OF_ANOTHER_TYPE, min_size=1, max_size=3),
    "card": st.fixed_dictionaries(
        {},
        optional={"number": SMALL_TEXT | OF_ANOTHER_TYPE, "doors": st.lists(SMALL_TEXT, min_size=1, max_size=2)},
    ),
    "keys": _elements(
        value=SMALL_TEXT,
        doors=st.lists(SMALL_TEXT, min_size=1, max_size=2) | OF_ANOTHER_TYPE,
        floors=st.lists(st.integers(-3, 3), min_size=1, max_size=2) | OF_ANOTHER_TYPE,
    ),
}

GROUPS = [{"displayName": "aB", "externalId": "aB"}, {"displayName": "b"}, {"displayName": "é b", "externalId": "ß"}]


class World:
    """A tenant full of generated resources, and how each would be answered."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}

    async def fill(self, users: list[dict[str, Any]], members: list[set[int]], nested: bool) -> None:
        steps = self.steps
        records = []
        for number, user in enumerate(users):
            await steps.put_rules(DELAYED if number % 2 else RULES, number + 1)
            document = user | {"userName": f"{number}{user['userName']}"}
            records.append(await steps.insert_user(document, user["active"]))
        group_ids = [
            await steps.add_group(
                group["displayName"],
                [records[number].id for number in chosen if number < len(records)],
                **{name: value for name, value in group.items() if name != "displayName"},
            )
            for group, chosen in zip(GROUPS, members, strict=True)
        ]
        if nested:
            await steps.change_members(group_ids[0], add=[group_ids[1]])
            await steps.change_members(group_ids[1], add=[group_ids[2]])
        await self._render([record.id for record in records], group_ids)

    async def _render(self, user_ids: list[str], group_ids: list[str]) -> None:
        async def read(reader: Reader) -> None:
            groups = await reader.groups_of(user_ids)
            roles = await reader.effective_roles(user_ids)
            for user_id in user_ids:
                record = await reader.user(user_id)
                assert record is not None
                held = roles[user_id]
                self.users[user_id] = {
                    **_common(record, "User", USER_URN),
                    "groups": [
                        {
                            "value": group.id,
                            "display": group.display,
                            "type": "direct" if group.direct else "indirect",
                        }
                        for group in groups.get(user_id, ())
                    ],
                    EFFECTIVE_URN: {
                        "state": record.state.value,
                        "roles": [{"value": role.value, "since": role.since.isoformat()} for role in held],
                        "permissions": sorted({name for role in held for name in ROLES[role.value]}),
                    },
                }
            for group_id in group_ids:
                group = await reader.group(group_id)
                assert group is not None
                members = [member async for chunk in reader.members(group_id) for member in chunk]
                self.groups[group_id] = {
                    **_common(group, "Group", GROUP_URN),
                    "members": [
                        {"value": member.id, "type": member.kind, "display": member.display} for member in members
                    ],
                }

        await self.steps.storage.read(self.steps.tenant, read, snapshot=True)

    def known(self, filter_: Filter) -> Filter:
        """The filter with real ids and times in place of numbers."""
        match filter_:
            case And(items):
                return And(tuple(map(self.known, items)))
            case Or(items):
                return Or(tuple(map(self.known, items)))
            case Not(item):
                return Not(self.known(item))
            case ValuePath(path, inner):
                return ValuePath(path, self.known(inner))
            case Comparison(path, operator, str(value)) if value.startswith("#"):
                number = int(value[1:])
                if path.dotted in TIMES:
                    times = [
                        resource["meta"]["created"] for resource in (*self.users.values(), *self.groups.values())
                    ]
                    return Comparison(path, operator, datetime.fromisoformat(times[number % len(times)]))
                ids = [*self.users, *self.groups, "no id", ""]
                one = ids[number % len(ids)]
                return Comparison(path, operator, one if operator == "eq" else one[:4])
            case _:
                return filter_


def _common(record: Any, kind: str, urn: str) -> dict[str, Any]:
    return {
        **record.document,
        "id": record.id,
        "schemas": [urn, *(name for name in record.document if ":" in name)],
        "meta": {
            "resourceType": kind,
            "created": record.created.isoformat(),
            "lastModified": record.modified.isoformat(),
            "version": etag(record.version),
        },
    }


MEMBERS = st.lists(st.sets(st.integers(0, 4), max_size=3), min_size=3, max_size=3)
EXAMPLES = settings(
    max_examples=few(20),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes; the assertion says enough
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
_worlds = iter(range(10**9))


@given(
    users=st.lists(_users(), min_size=1, max_size=5),
    members=MEMBERS,
    nested=st.booleans(),
    filters=st.lists(_user_filters(), min_size=12, max_size=20),
)
@EXAMPLES
async def test_filters_over_users(
    storage: Storage, tenant: str, users: list[Any], members: list[set[int]], nested: bool, filters: list[Filter]
) -> None:
    world = World(Steps(storage, f"{tenant}-{next(_worlds)}"))
    await world.fill(users, members, nested)
    for drawn in filters:
        filter_ = world.known(drawn)
        page = await world.steps.users(Query(filter=filter_, permissions=ROLES))
        expected = {user_id for user_id, user in world.users.items() if matches(filter_, user)}
        assert {record.id for record in page.records} == expected, (render(filter_), world.users)
        assert page.total == len(expected)


@given(
    users=st.lists(_users(), min_size=1, max_size=3),
    members=MEMBERS,
    nested=st.booleans(),
    filters=st.lists(_group_filters(), min_size=12, max_size=20),
)
@EXAMPLES
async def test_filters_over_groups(
    storage: Storage, tenant: str, users: list[Any], members: list[set[int]], nested: bool, filters: list[Filter]
) -> None:
    world = World(Steps(storage, f"{tenant}-{next(_worlds)}"))
    await world.fill(users, members, nested)
    for drawn in filters:
        filter_ = world.known(drawn)
        page = await world.steps.groups(Query(filter=filter_))
        expected = {group_id for group_id, group in world.groups.items() if matches(filter_, group)}
        assert {record.id for record in page.records} == expected, (render(filter_), world.groups)
        assert page.total == len(expected)


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        # an array inside an element of another
        (f'{CUSTOM_URN}:keys[doors eq "b"]', ["ΟΔΟΣ"]),
        (f'{CUSTOM_URN}:keys[value eq "k2" and doors eq "b"]', []),
        (f'{CUSTOM_URN}:keys.doors eq "b"', ["ΟΔΟΣ"]),
        (f"{CUSTOM_URN}:keys.doors pr", ["ΟΔΟΣ"]),
        (f"{CUSTOM_URN}:keys[floors gt 3]", ["ΟΔΟΣ"]),
        # sigma, of which there are two in lower case
        ('userName sw "οδοσ"', ["ΟΔΟΣ", "οδος.Σ"]),
        ('userName ew "Σ"', ["ΟΔΟΣ", "οδος.Σ"]),
        ('userName eq "οδος.ς"', ["οδος.Σ"]),
        ('title co "ΑΣ"', ["ΟΔΟΣ"]),
    ],
)
async def test_values_that_are_easily_missed(storage: Storage, tenant: str, filter_: str, found: list[str]) -> None:
    steps = Steps(storage, tenant)
    keys = [{"value": "k1", "doors": ["a", "b"], "floors": [3, 4]}, {"value": "k2", "doors": ["c"]}]
    await steps.insert_user({"userName": "ΟΔΟΣ", "title": "ΠΑΠΑΣΩΤΗΡΙΟΥ", CUSTOM_URN: {"keys": keys}})
    await steps.insert_user({"userName": "οδος.Σ", CUSTOM_URN: {"keys": [{"value": "k2"}]}})
    page = await steps.users(Query(filter=parse(filter_, USER_WITH_APP)))
    assert [record.document["userName"] for record in page.records] == found


@pytest.mark.parametrize("text", WRITTEN_TIMES)
async def test_a_date_time_is_one_on_both_databases(storage: Storage, tenant: str, text: str) -> None:
    steps, time = Steps(storage, tenant), stored_instant(text)
    await steps.insert_user({"userName": "none"})
    stored = await steps.insert_user({"userName": "one", CUSTOM_URN: {"joined": text}})
    path = resolve("joined", USER_WITH_APP)
    same = Comparison(path, "eq", time or datetime(2020, 2, 29, tzinfo=UTC))
    for filter_ in (Present(path), same):
        page = await steps.users(Query(filter=filter_))
        assert [record.id for record in page.records] == ([] if time is None else [stored.id])
    ordered = await steps.users(Query(sort_by=path))
    first = ordered.records[0].document
    assert first["userName"] == ("none" if time is None else "one")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"])
@pytest.mark.parametrize("descending", [False, True])
async def test_walks_pass_the_ends_of_time(storage: Storage, tenant: str, text: str, descending: bool) -> None:
    steps = Steps(storage, tenant)
    names = {"0", "1", "2"}
    for name in names:
        await steps.insert_user({"userName": name, CUSTOM_URN: {"joined": text}})
    query = Query(sort_by=resolve("joined", USER_WITH_APP), descending=descending, count=1)
    seen: list[str] = []
    for _ in names:
        page = await steps.users(query)
        seen += [record.document["userName"] for record in page.records]
        query = replace(query, after=page.end)
    assert query.after is None
    assert sorted(seen) == sorted(names)


USER_TERMS = [
    "id co",
    "userName co",
    "emails co",
    "emails eq",
    "groups.display co",
    "groups eq",
    "meta.version co",
    "schemas co",
    f"{EFFECTIVE_URN}:state co",
    f"{EFFECTIVE_URN}:permissions co",
    f"{EFFECTIVE_URN}:roles eq",
    f"{CUSTOM_URN}:keys.doors co",
    f"{CUSTOM_URN}:score ne",
    f"{CUSTOM_URN}:joined ge",
    "active ne",
]
ELEMENT_TERMS = {"emails co", "groups.display co", f"{CUSTOM_URN}:keys.doors co", "members.display co"}
"""Those that have to look at each element of all resources, of which fewer are accepted."""
GROUP_TERMS = ["id co", "displayName co", "members eq", "members.display co", "meta.created ge", "schemas co"]
LITERALS = {"boolean": "true", "decimal": "1", "dateTime": '"2020-02-29"'}


@pytest.mark.parametrize(
    ("resource_type", "within", "term"),
    [
        *[(USER_WITH_APP, "", term) for term in USER_TERMS],
        *[(USER_WITH_APP, "emails", term) for term in ("value co", "value eq", "primary ne")],
        *[(GROUP_TYPE, "", term) for term in GROUP_TERMS],
    ],
    ids=lambda value: value.name if isinstance(value, ResourceType) else value,
)
@pytest.mark.parametrize("joint", [" or ", " and "])
async def test_every_filter_with_the_most_terms_is_answered(
    storage: Storage, tenant: str, resource_type: ResourceType, within: str, term: str, joint: str
) -> None:
    attribute, operator = term.split()
    path = resolve(f"{within}.{attribute}" if within else attribute, resource_type)
    literal = LITERALS.get(path.target.type, f'"{UNKNOWN_ID}"')
    looks_at_elements = term in ELEMENT_TERMS or (within and (term, joint) != ("value eq", " and "))
    most = MOST_COMPARED_ELEMENTS if looks_at_elements else MAX_TERMS
    terms = joint.join([f"{attribute} {operator} {literal}"] * most)
    filter_ = f"{within}[{terms}]" if within else terms
    roles = {**ROLES, **{f"role {number}": (UNKNOWN_ID,) for number in range(100)}}
    steps = Steps(storage, tenant)
    for text in (filter_, "not (" * 18 + filter_ + ")" * 18):
        query = Query(
            filter=parse(text, resource_type, max_length=100_000),
            permissions=roles,
        )
        page = await (steps.groups(query) if resource_type is GROUP_TYPE else steps.users(query))
        assert page.total == 0


@pytest.mark.parametrize("term", ["emails co", "emails[value co", "groups.display co"])
async def test_more_comparisons_of_elements_are_refused(storage: Storage, tenant: str, term: str) -> None:
    close = "]" if "[" in term else ""
    terms = " or ".join([f'{term} "x"{close}'] * (MOST_COMPARED_ELEMENTS + 1))
    with pytest.raises(InvalidFilter, match=str(MOST_COMPARED_ELEMENTS)):
        await Steps(storage, tenant).users(Query(filter=parse(terms, USER_WITH_APP)))


@pytest.mark.parametrize("descending", [False, True])
@given(users=st.lists(_users(), min_size=1, max_size=6))
@settings(EXAMPLES, max_examples=few(10))
async def test_sorting(storage: Storage, tenant: str, users: list[Any], descending: bool) -> None:
    steps = Steps(storage, f"{tenant}-{next(_worlds)}")
    for number, user in enumerate(users):
        await steps.insert_user(user | {"userName": f"{number}{user['userName']}"}, user["active"])

    async def sorted_by(name: str) -> list[UserRecord]:
        query = Query(sort_by=resolve(name, USER_WITH_APP), descending=descending)
        return [*(await storage.read(steps.tenant, lambda reader: reader.users(query))).records]

    def key_of(name: str, record: UserRecord) -> Any:
        document = record.document
        match name:
            case "title":
                return fold(document["title"])[:LONGEST_KEY] if "title" in document else None
            case "externalId":
                return index_key(document["externalId"]) if "externalId" in document else None
            case "emails":
                found = document.get("emails", [])
                chosen = [email for email in found if email.get("primary")] or found
                return fold(chosen[0]["value"])[:LONGEST_KEY] if chosen else None
            case "meta.created":
                return record.created
            case "joined":
                return stored_instant(document.get(CUSTOM_URN, {}).get("joined"))
            case "keys":
                values = document.get(CUSTOM_URN, {}).get("keys")
                first = values[0] if isinstance(values, list) and values else None
                value = first.get("value") if isinstance(first, dict) else None
                return fold(value) if isinstance(value, str) else None
            case _:
                level = document.get(CUSTOM_URN, {}).get("level")
                return level if isinstance(level, int | float) and not isinstance(level, bool) else None

    for name in ("title", "externalId", "emails", "meta.created", f"{CUSTOM_URN}:level", "joined", "keys"):
        records = await sorted_by(name)
        keys = [key_of(name, record) for record in records]
        present = [key for key in keys if key is not None]
        missing = [None] * (len(keys) - len(present))
        ordered = sorted(present, reverse=descending)
        assert keys == ([*missing, *ordered] if descending else [*ordered, *missing]), name
