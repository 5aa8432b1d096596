"""What a preview says is what happens when the change is applied."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scim_server.config import GroupSelector, RoleRule
from scim_server.directory.explanations import explain
from scim_server.directory.previews import preview_mappings, preview_policy
from scim_server.provisioning.explain import Explanation
from scim_server.provisioning.policy import Policy
from scim_server.provisioning.preview import TenantPreview
from scim_server.storage.protocol import Reader, Storage
from scim_server.storage.records import Query
from tests.scim_server.storage.steps import Steps, named
from tests.support.examples import few
from tests.support.policies import policy_of

NOW = datetime.now(UTC)

_SELECTORS = (
    named("Staff"),
    named("admins"),
    GroupSelector(external_id="ext-0"),
    GroupSelector(display_name_pattern="(?i)(staff|ops).*"),
)
_CONDITIONS = (  # the last two are never true
    'user.title == "Boss"',
    "user.active",
    'user.userName.startsWith("u1")',
    'user.nickName == "x"',
    "1 / 0 == 1",
)
_WINDOWS: tuple[Mapping[str, datetime], ...] = (
    {},
    {},
    {"not_before": NOW + timedelta(days=1)},
    {"not_after": NOW - timedelta(days=1)},
    {"not_before": NOW - timedelta(days=1), "not_after": NOW + timedelta(days=1)},
)
_ROLES = ("admin", "staff", "ops")


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = []
    for number in range(draw(st.integers(0, 4))):
        groups = draw(st.lists(st.sampled_from(_SELECTORS), max_size=2))
        when = draw(st.none() | st.sampled_from(_CONDITIONS)) if groups else draw(st.sampled_from(_CONDITIONS))
        rules.append(
            RoleRule(
                mapping=f"acme/m{number % 2}",
                rule=f"r{number}",
                groups=tuple(groups),
                when=when,
                roles=tuple(draw(st.sets(st.sampled_from(_ROLES), min_size=1))),
                preview=draw(st.booleans()) and draw(st.booleans()),
                **draw(st.sampled_from(_WINDOWS)),
            )
        )
    base, fallback = draw(st.sampled_from([((), ()), (("viewer",), ("guest",)), (("staff",), ("admin",))]))
    return policy_of(rules, base, fallback)


_worlds = iter(range(10**9))


async def _world(steps: Steps, memberships: list[tuple[int, int]], nested: list[tuple[int, int]]) -> None:
    users = [
        await steps.add_user(f"u{number}", active=number != 3, **({"title": "Boss"} if number % 2 else {}))
        for number in range(5)
    ]
    groups = [
        await steps.add_group(name, externalId=f"ext-{number}")
        for number, name in enumerate(("Staff", "Admins", "Ops", "Other"))
    ]
    for group, user in memberships:
        await steps.change_members(groups[group], add=[users[user]])
    for group, child in nested:
        await steps.change_members(groups[group], add=[groups[child]])


async def _roles(steps: Steps) -> dict[str, set[str]]:
    page = await steps.users(Query(count=100))
    return {record.document["userName"]: await steps.roles(record.id) for record in page.records}


async def _explain(steps: Steps, user_name: str) -> Explanation:
    async def read(reader: Reader) -> Explanation:
        return await explain(reader, user_name.upper(), datetime.now(UTC))

    return await steps.storage.read(steps.tenant, read, snapshot=True)


Changes = dict[str, tuple[list[str], list[str]]]
"""By userName: roles that are gained and lost."""


def _expected(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> Changes:
    return {
        name: (sorted(after[name] - before[name]), sorted(before[name] - after[name]))
        for name in before
        if before[name] != after[name]
    }


def _told(preview: TenantPreview) -> Changes:
    return {user.user_name: ([*user.gains], [*user.losses]) for user in preview.users}


_PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=8)
_NESTED = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=2)


@given(policies(), policies(), _PAIRS, _NESTED)
@settings(
    max_examples=few(25),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_it_says_what_happens_then(
    storage: Storage,
    tenant: str,
    before: Policy,
    after: Policy,
    memberships: list[tuple[int, int]],
    nested: list[tuple[int, int]],
) -> None:
    """provisioning.md, "what none of its kind has": previews that name the people a mapping change touches."""
    steps = Steps(storage, f"{tenant}-{next(_worlds)}")
    await steps.put_rules(before, 1)
    await _world(steps, memberships, nested)
    held = await _roles(steps)
    told = await preview_policy(storage, steps.tenant, after, datetime.now(UTC))
    of_mappings = await preview_mappings(storage, steps.tenant, after, datetime.now(UTC))
    await steps.put_rules(after, 2)
    follows = await _roles(steps)
    assert _told(told) == _expected(held, follows)
    assert (told.users_in_all, told.users_changing) == (5, len(_expected(held, follows)))
    for name, roles in follows.items():
        explained = await _explain(steps, name)
        assert {role.value for role in explained.roles} == roles
        assert all(role.reasons for role in explained.roles)
        assert not {one.value for one in explained.withheld} & roles
    for revision, (mapping, of_mapping) in enumerate(sorted(of_mappings.items()), start=1):
        await steps.put_rules(after.with_previews(mapping), 2 * revision + 1)
        assert _told(of_mapping) == _expected(follows, await _roles(steps))
        await steps.put_rules(after, 2 * revision + 2)
