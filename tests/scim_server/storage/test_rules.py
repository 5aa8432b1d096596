"""Rules in the database: revisions, what they leave to be done, and crashes in between."""

import asyncio
import threading

import asyncpg
import pytest

from scim_server.config import GroupSelector
from scim_server.scim.patch import MembersDelta
from scim_server.storage.protocol import Writer
from scim_server.storage.records import RulesVersion
from tests.scim_server.storage.steps import Steps, named, named_roles, rules
from tests.support.locks import until_sessions_wait
from tests.support.policies import policy_of
from tests.support.storages import open_storage

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")

FIRST = rules((named("Admins"), ["admin"]), base=["viewer"])
SECOND = rules((named("Admins"), ["boss"]), base=["viewer"])


async def _version(steps: Steps) -> RulesVersion | None:
    return await steps.storage.read(steps.tenant, lambda reader: reader.rules_version())


async def test_a_tenant_without_rules(steps: Steps) -> None:
    assert await _version(steps) is None
    assert await steps.storage.read(steps.tenant, lambda reader: reader.rules()) is None
    ann = await steps.add_user("ann")
    assert await steps.roles(ann) == set()
    await steps.put_rules(FIRST, 1)
    assert await steps.roles(ann) == {"viewer"}


async def test_rules_are_read_as_they_were_stored(steps: Steps) -> None:
    selectors = (GroupSelector(external_id="x"), GroupSelector(display_name_pattern="^a.*"))
    wanted = rules(*((selector, ["one", "two"]) for selector in selectors), base=["b"], fallback=["f"])
    assert await steps.put_rules(wanted, 7)
    read = await steps.storage.read(steps.tenant, lambda reader: reader.rules())
    assert read is not None
    assert read.to_json() == wanted.to_json()
    assert await _version(steps) == RulesVersion(7, wanted.fingerprint, applied=True)


async def test_a_stale_revision_is_never_applied(steps: Steps) -> None:
    assert await steps.put_rules(SECOND, 5)
    for revision in (4, 5):
        assert not await steps.put_rules(FIRST, revision)
        assert await _version(steps) == RulesVersion(5, SECOND.fingerprint, applied=True)
    assert await steps.put_rules(FIRST, 6)


async def test_the_highest_of_parallel_revisions_wins(steps: Steps) -> None:
    ann = await steps.add_user("ann")
    await steps.add_group("Admins", [ann])
    wanted = {revision: rules((named("Admins"), [f"r{revision}"])) for revision in range(1, 13)}
    await asyncio.gather(
        *(steps.put_rules(wanted[revision], revision) for revision in sorted(wanted, key=lambda r: r % 5))
    )
    await steps.work_off()
    assert await _version(steps) == RulesVersion(12, wanted[12].fingerprint, applied=True)
    assert await steps.roles(ann) == {"r12"}


async def test_new_rules_change_the_roles_of_existing_users(steps: Steps) -> None:
    await steps.put_rules(FIRST, 1)
    ann, bob, eve = await steps.add_users("ann", "bob", "eve")
    await steps.add_group("Admins", [ann, bob])
    await steps.update_user(bob, active=False)

    assert await steps.put_rules(SECOND, 2, work_off=False)

    version = await _version(steps)
    assert version is not None
    assert not version.applied
    assert steps.tenant in await steps.storage.pending_tenants()
    assert [named_roles(change) for change in await steps.work_off()] == [(ann, {"boss"}, {"admin"})]
    assert await _version(steps) == RulesVersion(2, SECOND.fingerprint, applied=True)
    assert steps.tenant not in await steps.storage.pending_tenants()
    assert await steps.roles(eve) == {"viewer"}


async def test_rules_without_effect_leave_nothing_to_be_done(steps: Steps) -> None:
    await steps.put_rules(FIRST, 1)
    ann = await steps.add_user("ann")
    await steps.add_group("Admins", [ann])
    elsewhere = rules((named("Admins"), ["admin"]), (named("Nobody's"), ["admin"]), base=["viewer"])
    assert await steps.put_rules(elsewhere, 2, work_off=False)
    assert await _version(steps) == RulesVersion(2, elsewhere.fingerprint, applied=True)


async def test_removed_rules_take_their_roles(steps: Steps) -> None:
    await steps.put_rules(FIRST, 1)
    ann = await steps.add_user("ann")
    child = await steps.add_group("Child", [ann])
    await steps.add_group("Admins", [child])
    assert await steps.roles(ann) == {"admin", "viewer"}
    await steps.put_rules(policy_of((), (), ()), 2)
    assert await steps.roles(ann) == set()


async def test_users_made_meanwhile_are_right_at_once(steps: Steps) -> None:
    await steps.put_rules(FIRST, 1)
    ann = await steps.add_user("ann")
    admins = await steps.add_group("Admins", [ann])
    await steps.put_rules(SECOND, 2, work_off=False)
    bob = await steps.add_user("bob")
    await steps.change_members(admins, add=[bob])
    assert await steps.roles(bob) == {"viewer", "boss"}
    await steps.delete_user(ann)
    assert await steps.work_off() == []
    assert (await _version(steps)) == RulesVersion(2, SECOND.fingerprint, applied=True)


async def test_a_user_added_while_rules_change_waits_for_the_new_ones(steps: Steps) -> None:
    await steps.put_rules(rules(base=["viewer"]), 1)
    changed, enough = threading.Event(), threading.Event()

    def wait() -> None:
        changed.set()
        enough.wait(30)

    async def change(writer: Writer) -> None:
        await writer.put_rules(rules(base=["member"]), 2)
        await writer.compute(wait)

    changing = asyncio.create_task(steps.storage.write(steps.tenant, change, exclusive=True))
    await asyncio.to_thread(changed.wait)
    adding = asyncio.create_task(steps.add_user("ann"))
    done, _ = await asyncio.wait([adding], timeout=0.3)
    assert not done
    enough.set()
    await changing
    assert await steps.roles(await adding) == {"member"}


async def test_several_workers_share_the_work(steps: Steps) -> None:
    users = await steps.add_users(*(f"u{n}" for n in range(60)))
    await steps.put_rules(rules(base=["viewer"]), 1, work_off=False)
    done = await asyncio.gather(*(steps.work_off(5) for _ in range(4)))
    applied = [change.user_id for part in done for change in part]
    assert sorted(applied) == sorted(users)


async def test_a_crash_in_the_middle_of_settling_is_taken_up_again(fresh_url: str) -> None:
    first = Steps(storage := open_storage(fresh_url), "acme/okta")
    await storage.open()
    users = await first.add_users(*(f"u{n}" for n in range(20)))
    await first.put_rules(rules(base=["viewer"]), 1, work_off=False)
    assert await storage.write(first.tenant, lambda writer: writer.recompute_some(7)) is not None
    await storage.close()

    second = Steps(storage := open_storage(fresh_url), "acme/okta")
    await storage.open()
    assert await storage.pending_tenants() == ["acme/okta"]
    assert [len(await second.roles(user)) for user in users].count(1) == 7
    await second.work_off(7)
    assert [await second.roles(user) for user in users] == [{"viewer"}] * 20
    assert await storage.pending_tenants() == []
    await storage.close()


async def test_rules_of_a_lower_revision_that_are_late_are_applied_before_or_not_at_all(postgres_dsn: str) -> None:
    """Revisions 4 and 6 have the same rules, 5 has others; a replica stores 5 while another one raises 4 to 6."""
    storage = open_storage(postgres_dsn)
    await storage.open()
    steps = Steps(storage, "acme/okta")
    await steps.put_rules(FIRST, 4)
    holder = await asyncpg.connect(postgres_dsn)
    await holder.execute("""
        CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
        CREATE TRIGGER hold BEFORE INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION hold();
        SELECT pg_advisory_lock(1);
    """)
    late = asyncio.create_task(steps.put_rules(SECOND, 5, work_off=False))
    await until_sessions_wait(postgres_dsn, 1)  # it has compared the revisions, and is about to store
    raised = asyncio.create_task(storage.raise_revisions({steps.tenant: FIRST.fingerprint}, 6))
    waits = asyncio.create_task(until_sessions_wait(postgres_dsn, 2))
    await asyncio.wait([raised, waits], return_when=asyncio.FIRST_COMPLETED)
    await holder.close()
    await late
    if steps.tenant in await raised:
        await steps.put_rules(FIRST, 6)
    waits.cancel()
    assert await _version(steps) == RulesVersion(6, FIRST.fingerprint, applied=True)
    await storage.close()


async def test_revisions_of_all_tenants(fresh_url: str) -> None:
    storage = open_storage(fresh_url)
    await storage.open()
    assert await storage.revisions() == {}
    for tenant, revision in (("acme/same", 3), ("acme/other", 4), ("acme/newer", 9), ("acme/absent", 2)):
        await Steps(storage, tenant).put_rules(FIRST, revision)
    assert await storage.revisions() == {"acme/same": 3, "acme/other": 4, "acme/newer": 9, "acme/absent": 2}

    offered = {
        "acme/same": FIRST.fingerprint,
        "acme/other": SECOND.fingerprint,
        "acme/newer": SECOND.fingerprint,
        "acme/unseen": FIRST.fingerprint,
    }
    assert await storage.raise_revisions(offered, 5) == ["acme/other", "acme/unseen"]
    revisions = {
        tenant: (await storage.read(tenant, lambda reader: reader.rules_version())).revision  # type: ignore[union-attr]
        for tenant in ("acme/same", "acme/other", "acme/newer", "acme/absent")
    }
    assert revisions == {"acme/same": 5, "acme/other": 4, "acme/newer": 9, "acme/absent": 2}
    assert await storage.raise_revisions({}, 5) == []
    await storage.close()


BOSSES = rules((named("Admins"), ["admin"]), ('user.title == "Boss"', ["boss"]))


async def test_a_condition_that_is_new_takes_no_role_for_a_moment(steps: Steps) -> None:
    """engine.md, "One law of roles": whoever writes while a recompute runs leaves no stale role, and no gap."""
    await steps.put_rules(rules(('has(user.title) && user.title == "Boss"', ["boss"])), 1)
    ann, bob = await steps.add_user("ann", title="Boss"), await steps.add_user("bob", title="Dr")
    admins = await steps.add_group("Admins")
    [before] = (await steps.storage.read(steps.tenant, lambda reader: reader.effective_roles([ann])))[ann]
    await steps.put_rules(BOSSES, 2, work_off=False)  # the same users, by another expression
    await steps.change_members(admins, add=[ann, bob])  # in between
    assert (await steps.roles(ann), await steps.roles(bob)) == ({"admin", "boss"}, {"admin"})
    assert await steps.work_off() == []
    roles = (await steps.storage.read(steps.tenant, lambda reader: reader.effective_roles([ann])))[ann]
    assert roles[1].since == before.since


async def test_a_write_under_way_and_a_replica_that_is_behind_leave_no_stale_role(fresh_url: str) -> None:
    """engine.md: a replica with an older revision, or a write that was in flight, can never leave a stale role."""
    ours, behind = Steps(open_storage(fresh_url), "acme/okta"), Steps(open_storage(fresh_url), "acme/okta")
    if fresh_url.startswith("sqlite"):
        behind = ours  # a server is alone with its database
    for storage in {ours.storage, behind.storage}:
        await storage.open()
    await behind.put_rules(BOSSES, 1)
    ann, bob = await behind.add_user("ann", title="Boss"), await behind.add_user("bob", title="Dr")
    admins = await behind.add_group("Admins")
    began, enough = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        enough.wait(30)

    async def join(writer: Writer) -> None:
        group = await writer.lock_group(admins)
        assert group is not None
        await writer.change_members(group, MembersDelta(add=frozenset([ann, bob])))
        await writer.compute(wait)

    joining = asyncio.create_task(behind.storage.write(behind.tenant, join))
    await asyncio.to_thread(began.wait)
    changing = asyncio.create_task(ours.put_rules(rules(('user.title == "Dr"', ["doctor"])), 2, work_off=False))
    enough.set()
    await asyncio.gather(joining, changing)
    assert not await behind.put_rules(BOSSES, 1, work_off=False)
    cid = await behind.add_user("cid", title="Dr")  # by the rules that the database holds
    assert await behind.roles(cid) == {"doctor"}
    await asyncio.gather(behind.update_user(ann, title="Dr"), ours.work_off(1), behind.work_off(1))
    await ours.work_off()
    assert [await ours.roles(user) for user in (ann, bob, cid)] == [{"doctor"}] * 3
    for storage in {ours.storage, behind.storage}:
        await storage.close()
