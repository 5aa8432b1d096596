"""Users as rows: uniqueness, life, e-mail addresses, ids."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from scim_server.storage.errors import UserNameTaken
from scim_server.storage.protocol import Storage
from scim_server.storage.records import Query, UserRecord
from tests.scim_server.storage.steps import Steps, named, rules
from tests.support.policies import policy_of

pytestmark = pytest.mark.databases("sqlite", "postgresql", "pgbouncer")


async def test_a_user_is_read_as_it_was_written(steps: Steps) -> None:
    document = {
        "userName": "Ann@Example.com",
        "externalId": "00u1",
        "displayName": "Ann Ö.",
        "active": True,
        "name": {"givenName": "Ann", "familyName": "Öz\u2028\U0001f600"},
        "emails": [{"value": "ann@example.com", "primary": True}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "7",
            "manager": {"value": "b"},
        },
    }
    before = datetime.now(UTC)

    written = await steps.insert_user(document)

    read = await steps.user(written.id)
    assert read == written
    assert written.document == document
    assert written.version == 1
    assert before <= written.created == written.modified <= datetime.now(UTC)
    assert written.blocked_at is None


async def test_a_user_created_inactive_is_blocked_from_then_on(steps: Steps) -> None:
    user = await steps.insert_user({"userName": "ann", "active": False}, active=False)
    assert user.blocked_at == user.created


@pytest.mark.parametrize("name", ["ann@example.com", "ANN@example.COM", "Ann@Example.com"])
async def test_user_names_are_unique_without_case(steps: Steps, name: str) -> None:
    ann = await steps.add_user("Ann@Example.com")
    bob = await steps.add_user("bob")

    with pytest.raises(UserNameTaken) as taken:
        await steps.add_user(name)
    assert taken.value.existing_id == ann
    with pytest.raises(UserNameTaken) as taken:
        await steps.update_user(bob, userName=name)
    assert taken.value.existing_id == ann
    assert (await steps.update_user(ann, userName=name)).document["userName"] == name


async def test_long_user_names_are_told_apart_by_their_ends(steps: Steps) -> None:
    long = "x" * 5000
    await steps.add_user(long + "1")
    await steps.add_user(long + "2")
    with pytest.raises(UserNameTaken):
        await steps.add_user(long.upper() + "1")
    assert await steps.find_users(f'userName eq "{long}2"') == {long + "2"}


async def test_a_deleted_user_is_gone_and_its_name_free(steps: Steps) -> None:
    ann = await steps.add_user("ann", emails=[{"value": "ann@example.com"}])

    assert await steps.delete_user(ann)

    assert await steps.user(ann) is None
    assert not await steps.delete_user(ann)
    assert await steps.find_users('emails.value eq "ann@example.com"') == set()
    again = await steps.add_user("ann")
    assert again != ann


async def test_deletion_leaves_the_groups_and_moves_their_versions(steps: Steps) -> None:
    ann, bob = await steps.add_users("ann", "bob")
    staff = await steps.add_group("Staff", [ann, bob])
    other = await steps.add_group("Other", [bob])

    await steps.delete_user(ann)

    assert await steps.member_ids(staff) == {bob}
    groups = [await steps.group(group) for group in (staff, other)]
    assert [group.version for group in groups if group] == [2, 1]


@pytest.mark.parametrize(
    "user_id", ["", "x", "00000000-0000-0000-0000-000000000000", "' OR 1=1 --", "\N{SNOWMAN}" * 36]
)
async def test_what_is_no_id_is_not_found(steps: Steps, user_id: str) -> None:
    await steps.add_user("ann")
    assert await steps.user(user_id) is None
    assert not await steps.delete_user(user_id)
    assert await steps.group(user_id) is None
    assert not await steps.delete_group(user_id)
    assert await steps.members(user_id) == []


async def test_an_update_moves_version_and_time_and_follows_e_mail_addresses(steps: Steps) -> None:
    before = await steps.insert_user(
        {"userName": "ann", "active": True, "emails": [{"value": "A@x.org"}, {"value": "b@x.org"}]}
    )

    after = await steps.update_user(
        before.id, emails=[{"value": "B@x.org"}, {"value": "c@x.org"}, {"value": "c@x.org"}]
    )

    assert after.version == 2
    assert after.modified > before.modified
    assert after.created == before.created
    assert await steps.user(before.id) == after
    found = {
        address: await steps.find_users(f'emails.value eq "{address}"')
        for address in ("a@x.org", "b@x.org", "C@X.ORG")
    }
    assert found == {"a@x.org": set(), "b@x.org": {"ann"}, "C@X.ORG": {"ann"}}


async def test_blocking_and_reactivating(steps: Steps) -> None:
    await steps.put_rules(rules((named("Admins"), ["admin"]), base=["viewer"]), 1)
    ann = await steps.add_user("ann")
    await steps.add_group("Admins", [ann])
    assert await steps.roles(ann) == {"viewer", "admin"}

    blocked = await steps.update_user(ann, active=False)
    assert blocked.blocked_at == blocked.modified
    assert await steps.roles(ann) == set()

    still = await steps.update_user(ann, title="left")
    assert still.blocked_at == blocked.blocked_at
    assert await steps.roles(ann) == set()

    active = await steps.update_user(ann, active=True)
    assert active.blocked_at is None
    assert await steps.roles(ann) == {"viewer", "admin"}


async def test_parallel_inserts_of_one_name_give_one_user(steps: Steps) -> None:
    for round_ in range(10):
        results = await asyncio.gather(
            *(steps.add_user(f"{name}-{round_}") for name in ("ann", "ANN", "Ann", "aNN") for _ in range(3)),
            return_exceptions=True,
        )
        won = [result for result in results if isinstance(result, str)]
        lost = [result for result in results if isinstance(result, UserNameTaken)]
        assert len(won) == 1
        assert len(lost) == len(results) - 1
        assert {taken.existing_id for taken in lost} == set(won)


async def test_parallel_renames_to_one_name_give_one_user(steps: Steps) -> None:
    users = await steps.add_users(*(f"u{n}" for n in range(8)))
    results = await asyncio.gather(
        *(steps.update_user(user, userName="ann") for user in users), return_exceptions=True
    )
    assert sum(isinstance(result, UserRecord) for result in results) == 1
    assert sum(isinstance(result, UserNameTaken) for result in results) == len(users) - 1


async def test_parallel_changes_of_one_user_are_all_kept(steps: Steps) -> None:
    ann = await steps.add_user("ann")
    attributes = [f"nickName{n}" for n in range(20)]
    await asyncio.gather(*(steps.update_user(ann, **{attribute: "x"}) for attribute in attributes))
    user = await steps.user(ann)
    assert user is not None
    assert user.version == 21
    assert set(attributes) <= set(user.document)


async def test_a_failed_transaction_leaves_nothing(steps: Steps) -> None:
    class Refused(Exception):
        pass

    async def work(writer) -> None:  # type: ignore[no-untyped-def]
        await writer.insert_user({"userName": "ann", "active": True}, True)
        raise Refused

    with pytest.raises(Refused):
        await steps.storage.write(steps.tenant, work)
    assert await steps.find_users("userName pr") == set()


async def test_a_cancelled_transaction_leaves_nothing_and_holds_nothing(steps: Steps) -> None:
    inserted = asyncio.Event()

    async def work(writer) -> None:  # type: ignore[no-untyped-def]
        await writer.insert_user({"userName": "ann", "active": True}, True)
        inserted.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(steps.storage.write(steps.tenant, work))
    await inserted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await steps.add_user("ann")


async def test_tenants_are_apart(storage: Storage, tenant: str) -> None:
    acme, rival = Steps(storage, tenant), Steps(storage, f"{tenant}-rival")
    await acme.put_rules(rules((named("Admins"), ["admin"]), base=["viewer"]), 1)
    await rival.put_rules(rules(base=["guest"]), 1)
    ann, rivals_ann = await acme.add_user("ann", externalId="1"), await rival.add_user("ann", externalId="1")
    admins, rivals_admins = await acme.add_group("Admins", [ann]), await rival.add_group("Admins", [rivals_ann])

    for mine, steps, group in ((ann, acme, admins), (rivals_ann, rival, rivals_admins)):
        for filter_ in ('userName eq "ann"', 'externalId eq "1"', "active eq true", f'groups.value eq "{group}"'):
            query = await steps.storage.read(steps.tenant, lambda reader: reader.users(Query()))
            assert [record.id for record in query.records] == [mine]
            assert await steps.find_users(filter_) == {"ann"}
    assert await acme.roles(ann) == {"viewer", "admin"}
    assert await rival.roles(rivals_ann) == {"guest"}

    assert await acme.user(rivals_ann) is None
    assert not await acme.delete_user(rivals_ann)
    assert await acme.group(rivals_admins) is None
    assert not await acme.delete_group(rivals_admins)
    assert await acme.members(rivals_admins) == []
    assert await acme.roles(rivals_ann) == set()
    assert await acme.find_users(f'groups.value eq "{rivals_admins}"') == set()
    assert await acme.find_groups(f'members.value eq "{rivals_ann}"') == set()
    assert (await rival.change_members(rivals_admins, remove=[ann])).removed_users == []
    assert await rival.user(rivals_ann) is not None


async def test_counts(steps: Steps) -> None:
    await steps.add_users("ann", "bob")
    await steps.add_user("eve", active=False)
    await steps.put_rules(policy_of((), (), (), timedelta(hours=1)), 1)
    mallory = await steps.add_user("mallory", active=False)
    await steps.add_group("Staff")
    record = await steps.user(mallory)
    counts = await steps.storage.read(steps.tenant, lambda reader: reader.counts())
    assert (counts.active, counts.blocked, counts.deactivated, counts.groups) == (2, 1, 1, 1)
    assert record is not None
    assert counts.last_sync is not None
    assert counts.last_sync >= record.modified
