"""What one reconcile does to the cluster and the servers, faults included."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scim_operator.api import ObjectKey
from scim_operator.cluster import ClusterUnavailable
from scim_operator.reconcile.queue import RetryLater
from scim_server.config import OnDeletion
from tests.scim_operator.reconcile.conftest import Object, World


async def test_a_config_is_stored_delivered_and_reported(world: World) -> None:
    world.apply(world.secret(), world.config(), world.mapping())
    await world.reconcile()
    tenant = world.stored_config().tenants[0]
    assert tenant.key == str(world.okta)
    assert [rule.mapping for rule in tenant.rules] == [f"{world.namespace}/roles"]
    assert world.served() == [(str(world.okta), True)]
    assert world.conditions("provisioningconfig", "okta") == {
        "Ready": ("True", "Succeeded"),
        "Reconciling": ("False", "Succeeded"),
        "Stalled": ("False", "NotStalled"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
        "Programmed": ("True", "Succeeded"),
    }
    assert world.conditions("rolemapping", "roles") == {
        "Accepted": ("True", "Accepted"),
        "Programmed": ("True", "Succeeded"),
        "Ready": ("True", "Succeeded"),
        "Stalled": ("False", "NotStalled"),
    }
    found = world.get("provisioningconfig", "okta")
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    assert found["status"]["endpoint"] == f"/{world.okta}/scim/v2"
    assert found["status"]["mappings"] == 1


async def test_the_token_itself_is_nowhere_but_in_its_own_secret(world: World) -> None:
    world.apply(world.secret(), world.config(), world.mapping())
    await world.reconcile()
    written = [
        world.stored_config().model_dump_json(),
        world.stored_secrets().model_dump_json(),
        world.cluster.kubectl("get", "provisioningconfig,rolemapping,events", "-n", world.namespace, "-o", "json"),
    ]
    assert not any(world.token in text for text in written)
    assert world.stored_secrets().token_key not in world.stored_config().model_dump_json()


async def test_a_second_reconcile_writes_nothing(world: World) -> None:
    world.apply(world.secret(), world.config(), world.mapping())
    await world.reconcile()
    world.client.applied.clear()
    world.client.statuses.clear()
    world.client.events.clear()
    await world.reconcile()
    assert (world.client.applied, world.client.statuses, world.client.events) == ([], [], [])
    assert len(world.stub.pushes) == len(set(world.stub.pushes))


async def test_a_new_process_goes_on_with_what_it_finds(world: World) -> None:
    world.apply(world.secret(), world.config(), world.mapping())
    await world.reconcile()
    revision, key = world.stored_config().revision, world.stored_secrets().token_key
    world.start_operator()
    await world.delivery.poll()
    await world.reconcile()
    assert world.stored_config().revision == revision
    assert world.stored_secrets().token_key == key
    assert world.stub.pushes.count((world.shard, revision)) == 1


async def test_a_change_moves_the_revision_of_its_own_tenant_only(world: World) -> None:
    name = world.neighbour()
    world.apply(world.secret(), world.config(), world.secret(name), world.config(name))
    neighbour = world.okta._replace(name=name)
    await world.reconcile()
    await world.reconcile(neighbour)
    before = world.get("provisioningconfig", "okta")["status"]["revision"]
    world.apply(world.config(name, displayName="Renamed"))
    await world.reconcile(neighbour)
    await world.reconcile()
    assert world.get("provisioningconfig", "okta")["status"]["revision"] == before
    assert world.get("provisioningconfig", name)["status"]["revision"] == world.stored_config().revision > before


async def test_a_deleted_config_is_taken_out_and_its_mappings_say_so(world: World) -> None:
    world.apply(world.secret(), world.config(), world.mapping())
    await world.reconcile()
    world.delete("provisioningconfig", "okta")
    await world.reconcile()
    [left] = world.stored_config().tenants
    assert (left.deleted, left.all_credentials, left.rules) == (True, (), ())
    assert world.stored_secrets().digests == {}
    assert world.conditions("rolemapping", "roles") == {
        "Accepted": ("False", "ConfigNotFound"),
        "Programmed": ("False", "NotAccepted"),
        "Ready": ("False", "ConfigNotFound"),
        "Stalled": ("False", "NotStalled"),
    }
    assert world.okta in world.triggers
    world.delete("rolemapping", "roles")
    await world.reconcile()
    assert world.stored_config().tenants == ()
    assert world.okta not in world.triggers


async def test_the_servers_are_told_of_a_deletion_that_nobody_saw(world: World) -> None:
    world.apply(world.secret(), world.config(onDeletion="Erase"))
    await world.reconcile()
    world.delete("provisioningconfig", "okta")
    world.start_operator()
    await world.delivery.poll()
    assert await world.open() == {world.okta}
    await world.reconcile()
    [left] = world.stored_config().tenants
    assert (left.deleted, left.on_deletion) == (True, OnDeletion.ERASE)


async def test_a_deletion_is_told_until_every_server_has_noted_it(world: World) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    world.delete("provisioningconfig", "okta")
    world.stub.settles = False
    for _ in range(2):
        await world.reconcile()
        assert [tenant.deleted for tenant in world.stored_config().tenants] == [True]
    world.stub.settle()
    await world.delivery.poll()
    await world.reconcile()
    assert world.stored_config().tenants == ()


async def test_former_users_are_shown_and_told_once(world: World) -> None:
    world.apply(world.secret(), world.config())
    since = datetime(2026, 11, 5, 12, tzinfo=UTC)
    world.stub.tenants[str(world.okta)] = {
        "users": {"active": 3},
        "formerUsers": {"count": 3, "since": since.isoformat()},
    }
    await world.delivery.poll()
    for _ in range(2):
        await world.reconcile()
    status = world.get("provisioningconfig", "okta")["status"]
    assert status["formerUsers"] == {"count": 3, "since": "2026-11-05T12:00:00Z"}
    [told] = [event for event in world.client.events if event["reason"] == "FormerUsers"]
    assert told["type"] == "Warning"
    assert told["note"] == "3 users of a former ProvisioningConfig of this name are here again"


async def test_a_shard_is_healed_after_a_crash_between_its_two_halves(world: World) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    world.apply(world.mapping())

    def crash(body: Object) -> None:
        if body["kind"] == "ConfigMap":
            raise ClusterUnavailable("killed between the two")

    world.client.before_apply = crash
    with pytest.raises(RetryLater):
        await world.reconcile()
    assert world.stored_secrets().revision == world.stored_config().revision + 1
    world.client.before_apply = lambda body: None
    key = world.stored_secrets().token_key
    world.start_operator()
    await world.reconcile()
    assert world.stored_secrets().revision == world.stored_config().revision
    assert world.stored_secrets().token_key == key
    assert len(world.stored_config().tenants[0].rules) == 1
    assert world.served() == [(str(world.okta), True)]


@pytest.mark.parametrize("kind", ["configmap", "secret"])
async def test_a_deleted_half_is_made_again_with_all_tenants_and_a_higher_revision(world: World, kind: str) -> None:
    world.apply(world.secret(), world.config(), world.secret("entra"), world.config("entra"))
    await world.reconcile()
    revision = world.stored_config().revision
    world.delete(kind, world.config_map if kind == "configmap" else world.secret_name)
    world.start_operator()
    await world.delivery.poll()
    await world.reconcile()
    assert [tenant.name for tenant in world.stored_config().tenants] == ["entra", "okta"]
    assert world.stored_config().revision > revision
    assert world.stub.holder.revision_of(world.shard) == world.stored_config().revision
    assert world.conditions("provisioningconfig", "okta")["Ready"] == ("True", "Succeeded")


async def test_garbage_in_a_shard_is_written_over(world: World) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    key = world.stored_secrets().token_key
    world.patch("configmap", world.config_map, world.junk())
    world.start_operator()
    await world.reconcile()
    assert [tenant.name for tenant in world.stored_config().tenants] == ["okta"]
    assert world.stored_secrets().token_key == key


async def test_somebody_else_writing_meanwhile_is_read_again(world: World) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    world.apply(world.mapping())
    disturbed: list[str] = []

    def disturb(body: Object) -> None:
        if not disturbed:
            disturbed.append(body["kind"])
            world.cluster.kubectl(
                "annotate", body["kind"].lower(), body["metadata"]["name"], "-n", world.namespace, "by=another"
            )

    world.client.before_apply = disturb
    await world.reconcile()
    assert disturbed
    assert len(world.stored_config().tenants[0].rules) == 1
    assert (
        world.stored_config().revision
        == world.stored_secrets().revision
        == world.stub.holder.revision_of(world.shard)
    )


async def test_a_server_that_has_seen_a_higher_revision_gets_a_higher_one(world: World) -> None:
    world.stub.floor = 500
    world.apply(world.secret(), world.config())
    await world.reconcile()
    assert world.stored_config().revision == 501
    assert world.stub.holder.revision_of(world.shard) == 501
    assert world.conditions("provisioningconfig", "okta")["Programmed"] == ("True", "Succeeded")


async def test_without_a_server_it_says_so_and_does_not_spin(world: World) -> None:
    world.apply(world.secret(), world.config(), world.mapping())
    await world.stub.stop()
    await world.reconcile()
    conditions = world.conditions("provisioningconfig", "okta")
    assert conditions["Programmed"] == ("False", "ReplicaUnavailable")
    assert conditions["Ready"] == ("False", "ReplicaUnavailable")
    assert conditions["Reconciling"] == ("True", "InProgress")
    assert world.conditions("rolemapping", "roles")["Programmed"] == ("False", "ReplicaUnavailable")
    writes = len(world.client.statuses)
    await world.reconcile()
    assert len(world.client.statuses) == writes
    assert world.reconciler.outdated() == []
    await world.stub.start()
    await world.delivery.poll()
    assert world.reconciler.outdated() == [(world.okta, False)]
    await world.reconcile()
    assert world.conditions("provisioningconfig", "okta")["Ready"] == ("True", "Succeeded")


async def test_a_refused_configuration_is_reported_with_the_reason(world: World) -> None:
    world.stub.refusal = "schemaVersion 9 is newer"
    world.apply(world.secret(), world.config())
    await world.reconcile()
    assert world.conditions("provisioningconfig", "okta")["Programmed"] == ("False", "ReplicaRejected")
    message = world.message("provisioningconfig", "okta", "Programmed")
    assert "the server is older than the operator" in message
    assert "9" not in message


async def test_events_tell_transitions_and_nothing_twice(world: World) -> None:
    world.apply(world.config())
    await world.reconcile()
    await world.reconcile()
    assert [(event["type"], event["reason"]) for event in world.client.events] == [
        ("Warning", "SecretNotFound"),
    ]
    world.apply(world.secret())
    await world.reconcile()
    await world.reconcile()
    assert [(event["type"], event["reason"]) for event in world.client.events[1:]] == [("Normal", "ResolvedRefs")]
    world.delete("secret", "okta-token")
    await world.reconcile()
    assert len(world.client.events) == 2  # the first one was counted up
    told = world.cluster.get(
        "events.events.k8s.io", world.client.events[0]["metadata"]["name"], "-n", world.namespace
    )
    assert (told["reason"], told["series"]["count"]) == ("SecretNotFound", 2)


async def test_counters_are_written_by_themselves_within_a_minute_and_only_when_they_change(world: World) -> None:
    world.apply(world.secret(), world.config(), world.secret("entra"), world.config("entra"))
    await world.reconcile()
    await world.reconcile(world.okta._replace(name="entra"))
    world.client.statuses.clear()

    async def polled(active: int, later: float) -> dict[str, Any]:
        """The status, `later` seconds after the last poll, when `active` users are there."""
        world.time += later
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=active)
        users = {"active": active, "blocked": 0, "deactivated": 0}
        world.stub.tenants = {str(world.okta): {"users": users, "groups": 1, "lastSyncTime": at.isoformat()}}
        await world.delivery.poll()
        await world.publisher.refresh_counters(world.delivery.tenant_status, at)
        found = world.get("provisioningconfig", "okta")
        assert not world.publisher.known_statuses.was_changed(found)
        status: dict[str, Any] = found["status"]
        return status

    assert "users" not in await polled(1, 10)
    status = await polled(1, 50)
    assert (status["users"]["active"], status["groups"], status["lastSyncTime"]) == (1, 1, "2026-11-01T00:00:01Z")
    assert world.client.patched == ["okta"]
    for _ in range(3):
        await polled(1, 60)
    assert (await polled(2, 60))["users"]["active"] == 2
    assert (await polled(3, 10))["users"]["active"] == 2
    assert (await polled(4, 50))["users"]["active"] == 4
    assert world.client.patched == ["okta"] * 3
    await world.reconcile()
    assert world.client.statuses == []
    assert world.conditions("provisioningconfig", "okta")["Ready"] == ("True", "Succeeded")


async def test_contacts_are_written_to_within_a_minute_and_alone_at_most_once_a_minute(world: World) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    start = datetime(2026, 11, 1, tzinfo=UTC)

    async def polled(contact: int, later: float, users: int = 0) -> tuple[str | None, list[dict[str, str]]]:
        """What the status says, `later` seconds after the last poll; the last contact was at `contact`."""
        world.time += later
        at = (start + timedelta(seconds=contact)).isoformat()
        world.stub.tenants = {
            str(world.okta): {
                "users": {"active": users},
                "lastContactTime": at,
                "credentials": {"one": {"lastUsedTime": at}, "unusable": {"lastUsedTime": at}},
            }
        }
        await world.delivery.poll()
        await world.publisher.refresh_counters(world.delivery.tenant_status, start)
        found = world.get("provisioningconfig", "okta")
        assert not world.publisher.known_statuses.was_changed(found)
        status = found["status"]
        return status.get("lastContactTime"), status["credentials"]

    def said(second: int) -> tuple[str, list[dict[str, str]]]:
        at = f"2026-11-01T00:{second // 60:02}:{second % 60:02}Z"
        return at, [{"name": "one", "lastUsedTime": at}]

    assert await polled(0, 10) == (None, [{"name": "one"}])
    assert await polled(0, 50) == said(0)
    assert await polled(59, 60) == said(0)
    assert await polled(60, 10) == said(60)
    assert await polled(130, 10) == said(60)
    assert await polled(130, 50) == said(130)
    assert await polled(140, 50, users=1) == said(140)
    for _ in range(3):
        assert await polled(140, 60, users=1) == said(140)
    assert world.client.patched == ["okta"] * 4
    world.client.statuses.clear()
    await world.reconcile()
    assert world.client.statuses == []


async def test_holds_and_previews_that_servers_tell_reach_statuses_without_a_resync(world: World) -> None:
    """provisioning.md, "Guards": a hold raises a condition (`Held=True`) and an Event."""
    world.apply(world.secret(), world.config(), world.mapping())
    world.stub.tenants = {str(world.okta): {"users": {}, "unmatchedGroups": {}, "holds": []}}
    await world.delivery.poll()
    await world.reconcile()
    at = "2026-11-01T00:00:00+00:00"
    hold = {"id": "roles-bcdfgh", "kind": "roles", "count": 60, "since": at, "users": ["ada"]}
    mapping = world.mapping()["metadata"]
    preview = {"usersGaining": 1, "usersLosing": 0, "gains": {"admin": {"count": 1, "examples": ["ada"]}}}
    said = world.delivery.tenant_status

    async def polled(later: float, **told: Any) -> list[ObjectKey]:
        """Who is to be looked at, `later` seconds after the last poll."""
        world.time += later
        world.stub.tenants = {str(world.okta): {"users": {}, "unmatchedGroups": {}, "holds": [], **told}}
        await world.delivery.poll()
        return world.publisher.outdated(said)

    assert await polled(10) == []
    assert await polled(10, holds=[hold]) == [world.okta]
    await world.reconcile()
    status = world.get("provisioningconfig", "okta")["status"]
    assert [each["id"] for each in status["holds"]] == ["roles-bcdfgh"]
    assert world.conditions("provisioningconfig", "okta")["Held"] == ("True", "RoleChangesHeld")
    assert [event["reason"] for event in world.client.events] == ["Held"]

    previews = {f"{world.namespace}/{mapping['name']}": preview | {"losses": {}}}
    assert await polled(10, holds=[hold | {"count": 61}]) == []
    assert await polled(10, holds=[hold], previews=previews) == []  # a preview can wait
    assert await polled(60, holds=[hold], previews=previews) == [world.okta]
    await world.reconcile()
    shown = world.get("rolemapping", mapping["name"])["status"]["preview"]
    assert shown["gains"] == [{"role": "admin", "count": 1, "users": ["ada"]}]

    assert await polled(10, previews=previews) == [world.okta]
    for _ in range(2):
        await world.reconcile()
    assert "Held" not in world.conditions("provisioningconfig", "okta")
    assert "holds" not in world.get("provisioningconfig", "okta")["status"]
    assert [event["reason"] for event in world.client.events] == ["Held", "HoldEnded"]
    world.client.statuses.clear()
    assert await polled(60, previews=previews) == []
    await world.reconcile()
    assert world.client.statuses == []


async def test_credentials_that_are_gone_leave_the_status_though_their_uses_were_written(world: World) -> None:
    old, new = ({"name": name, "secretRef": {"name": "okta-token", "key": name}} for name in ("one", "two"))
    secret = world.secret() | {"stringData": {name: f"{name}-{world.token}" for name in ("one", "two")}}
    world.apply(secret, world.config(authentication={"bearerTokens": [old, new]}))
    await world.reconcile()
    at = "2026-11-01T00:00:00Z"
    uses = {name: {"lastUsedTime": at} for name in ("one", "two")}
    world.stub.tenants = {str(world.okta): {"users": {}, "lastContactTime": at, "credentials": uses}}
    await world.delivery.poll()
    world.time += 60
    await world.publisher.refresh_counters(world.delivery.tenant_status, datetime.now(UTC))

    world.apply(world.config(authentication={"bearerTokens": [new]}))
    await world.reconcile()
    status = world.get("provisioningconfig", "okta")["status"]
    assert (status["credentials"], status["lastContactTime"]) == ([{"name": "two", "lastUsedTime": at}], at)

    world.delete("secret", "okta-token")
    for writes in (1, 0):
        world.client.statuses.clear()
        await world.reconcile()
        assert world.get("provisioningconfig", "okta")["status"]["credentials"] == []
        assert len(world.client.statuses) == writes


async def test_counters_are_never_written_to_a_successor_of_that_name(world: World) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    world.delete("provisioningconfig", "okta")
    world.apply(world.config())
    world.stub.tenants = {str(world.okta): {"users": {"active": 9}, "groups": 1}}
    await world.delivery.poll()
    world.time += 60
    await world.publisher.refresh_counters(world.delivery.tenant_status, datetime.now(UTC))
    assert world.client.patched == ["okta"]
    assert world.get("provisioningconfig", "okta")["status"] == {"observedGeneration": -1}


async def test_a_secret_without_the_label_is_named_and_one_with_it_is_not(world: World) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    message = world.message("provisioningconfig", "okta", "ResolvedRefs")
    assert f"a change of Secret {world.namespace}/okta-token acts within 10 minutes" in message
    world.cluster.kubectl("label", "secret", "okta-token", "-n", world.namespace, "scim-operator.io/watch=true")
    await world.reconcile()
    assert "acts within" not in world.message("provisioningconfig", "okta", "ResolvedRefs")


async def test_conditions_of_other_controllers_stay_theirs(world: World) -> None:
    world.apply(world.secret(), world.config())
    await world.reconcile()
    world.cluster.kubectl(
        "apply",
        "--server-side",
        "--field-manager=another",
        "--subresource=status",
        "-f",
        "-",
        stdin=f"""
apiVersion: scim-operator.io/v1alpha1
kind: ProvisioningConfig
metadata: {{namespace: {world.namespace}, name: okta}}
status:
  conditions:
  - {{type: example.com/Audited, status: "True", reason: Done, message: "",
     lastTransitionTime: "2026-11-01T00:00:00Z"}}
""",
    )
    world.client.statuses.clear()
    await world.reconcile()
    assert world.client.statuses == []
    world.apply(world.config(displayName="Changed"))
    await world.reconcile()
    assert world.conditions("provisioningconfig", "okta")["example.com/Audited"] == ("True", "Done")


async def test_a_status_is_never_written_to_a_successor_of_that_name(world: World) -> None:
    world.apply(world.secret(), world.config())
    read = await world.client.get_config(world.okta)
    assert read is not None
    world.delete("provisioningconfig", "okta")
    world.apply(world.config())

    async def stale(_: object) -> Object | None:
        return read

    world.client.get_config = stale  # type: ignore[method-assign, assignment]
    with pytest.raises(RetryLater):
        await world.reconcile()
    assert world.get("provisioningconfig", "okta")["status"] == {"observedGeneration": -1}


async def test_a_suspended_config_says_so_and_so_do_mappings_that_change_meanwhile(world: World) -> None:
    world.apply(world.secret(), world.config(), world.mapping("old"), world.mapping("edited"))
    await world.reconcile()
    world.apply(world.config(suspend=True))
    await world.reconcile()
    conditions = world.conditions("provisioningconfig", "okta")
    assert conditions["Suspended"] == ("True", "Suspended")
    assert conditions["Ready"] == ("True", "Succeeded")
    served = world.stored_config().tenants

    world.apply(world.mapping("edited", role="viewer"), world.mapping("new"))
    await world.reconcile()
    assert world.stored_config().tenants == served
    waiting = ("False", "Suspended")
    assert world.conditions("rolemapping", "old")["Programmed"] == ("True", "Succeeded")
    assert world.conditions("rolemapping", "edited")["Programmed"] == waiting
    assert world.conditions("rolemapping", "new") == {"Programmed": waiting, "Ready": waiting}
    for kind, name in (("provisioningconfig", "okta"), ("rolemapping", "edited")):
        found = world.get(kind, name)
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    world.client.statuses.clear()
    await world.reconcile()
    assert world.client.statuses == []

    world.apply(world.config(suspend=False))
    await world.reconcile()
    assert "Suspended" not in world.conditions("provisioningconfig", "okta")
    for name in ("edited", "new"):
        assert world.conditions("rolemapping", name)["Programmed"] == ("True", "Succeeded")


async def test_a_config_that_is_suspended_from_the_beginning_isnt_ready(world: World) -> None:
    world.apply(world.secret(), world.config(suspend=True))
    await world.reconcile()
    assert world.conditions("provisioningconfig", "okta") == {
        "Ready": ("False", "Suspended"),
        "Suspended": ("True", "Suspended"),
    }


async def test_a_typo_takes_no_role_away_over_a_restart_either_and_is_said(world: World) -> None:
    world.apply(world.secret(), world.config(), world.mapping(role="viewer"))
    await world.reconcile()
    before = world.stored_config().tenants
    world.apply(world.mapping(role="vewer"))
    await world.reconcile()
    world.start_operator()
    await world.delivery.poll()
    await world.reconcile()

    assert world.stored_config().tenants == before
    assert world.conditions("rolemapping", "roles") == {
        "Accepted": ("False", "RoleNotFound"),
        "Programmed": ("True", "Succeeded"),
        "Ready": ("False", "RoleNotFound"),
        "Stalled": ("True", "RoleNotFound"),
    }
    assert world.conditions("provisioningconfig", "okta")["Ready"] == ("False", "MappingsNotAsDeclared")
    assert world.conditions("provisioningconfig", "okta")["Programmed"] == ("True", "Succeeded")
    world.client.applied.clear()
    world.client.statuses.clear()
    world.client.events.clear()
    await world.reconcile()
    assert (world.client.applied, world.client.statuses, world.client.events) == ([], [], [])

    world.delete("rolemapping", "roles")
    await world.reconcile()
    assert world.stored_config().tenants[0].rules == ()
    assert world.conditions("provisioningconfig", "okta")["Ready"] == ("True", "Succeeded")


async def test_groups_that_nobody_sent_are_in_the_status_and_are_not_written_again(world: World) -> None:
    unmatched = {"count": 1, "groups": [{"rule": "one", "displayName": "Admins"}]}
    world.stub.tenants = {
        str(world.okta): {"users": {}, "groups": 1, "unmatchedGroups": {f"{world.namespace}/roles": unmatched}}
    }
    world.apply(world.secret(), world.config(), world.mapping())
    await world.delivery.poll()
    await world.reconcile()
    assert world.get("rolemapping", "roles")["status"]["unmatchedGroups"] == unmatched
    world.client.statuses.clear()
    await world.reconcile()
    assert world.client.statuses == []
