"""A user explained: as it is, and as it was."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from scim_server.app import Server
from scim_server.config import (
    ConfigBundle,
    DeactivationLimit,
    GroupSelector,
    Mode,
    ProtectedUser,
    RoleChangeLimit,
    RoleRule,
    Safety,
)
from tests.scim_server.http.test_groups import change, create_group
from tests.scim_server.http.test_users import create
from tests.support.serving import Connection, bundle_of, effective_of, roles_of

USERS = "/v1/tenants/acme/okta/users"


def with_rules(connection: Connection, *rules: RoleRule, revision: int = 2, **fields: Any) -> ConfigBundle:
    """The connection's configuration with more rules, and other fields of the tenant."""
    bundle = bundle_of(connection, revision=revision)
    tenant = bundle.config.tenants[0]
    tenants = (tenant.model_copy(update={"rules": (*tenant.rules, *rules), **fields}),)
    return bundle.model_copy(update={"config": bundle.config.model_copy(update={"tenants": tenants})})


def rule(name: str, role: str, *groups: str, **fields: Any) -> RoleRule:
    selectors = tuple(GroupSelector(display_name=group) for group in groups)
    return RoleRule(mapping="acme/more", rule=name, groups=selectors, roles=(role,), **fields)


async def explained(management: httpx.AsyncClient, user: object, **parameters: str) -> dict[str, Any]:
    answer = await management.get(f"{USERS}/{user}/explanation", params=parameters)
    assert answer.status_code == 200, answer.text
    explanation: dict[str, Any] = answer.json()
    return explanation


async def reason(management: httpx.AsyncClient, status: int, user: object, **parameters: str) -> str:
    answer = await management.get(f"{USERS}/{user}/explanation", params=parameters)
    assert answer.status_code == status, answer.text
    return str(answer.json()["reason"])


def withheld(explanation: Mapping[str, Any]) -> set[tuple[str, str, str | None]]:
    return {(one["value"], one["why"], one["rule"]) for one in explanation["withheld"]}


async def test_roles_are_those_that_applications_see_and_the_others_have_a_why(
    server: Server,
    connection: Connection,
    provider: httpx.AsyncClient,
    application: httpx.AsyncClient,
    management: httpx.AsyncClient,
) -> None:
    """provisioning.md, "Each effective role has its reasons": `explain` shows them."""
    soon, past = datetime.now(UTC) + timedelta(days=1), datetime.now(UTC) - timedelta(days=1)
    more = with_rules(
        connection,
        rule("employees", "analyst", "Staff", when='user.userType == "Employee"'),
        rule("bosses", "analyst", when='user.title == "Boss"'),
        rule("from-soon-on", "admin", "Staff", not_before=soon),
        rule("until-yesterday", "admin", "Staff", not_after=past),
        rule("tried", "admin", "Staff", preview=True),
        rule("others", "admin", "Nobody's"),
        roles=tuple(
            role.model_copy(update={"sensitive": role.name == "viewer"})
            for role in bundle_of(connection).config.tenants[0].roles
        ),
    )
    await server.intake.offer(more, "test")
    ada = await create(provider, "ada@acme.com", externalId="00u/1", displayName="Ada", userType="Contractor")
    await create_group(provider, "Staff", ada["id"])
    await create_group(provider, "App Admins")

    found = await explained(management, ada["id"])
    assert found["user"] == {
        "id": ada["id"],
        "userName": "ada@acme.com",
        "externalId": "00u/1",
        "displayName": "Ada",
    }
    effective = await effective_of(application, "ada@acme.com")
    assert [(role["value"], role.get("sensitive")) for role in found["roles"]] == [("guest", None), ("viewer", True)]
    assert [(role["value"], role["since"], _told(role)) for role in found["roles"]] == [
        (role["value"], role["since"], role["reasons"]) for role in effective["roles"]
    ]
    assert all(why["since"] == role["since"] for role in found["roles"] for why in role["reasons"])
    assert found["state"]["value"] == effective["state"] == "active"
    assert found["state"]["since"] == ada["meta"]["created"]  # type: ignore[index]
    assert found["state"]["because"].startswith("created by provision, request ")
    assert withheld(found) == {
        ("analyst", "condition", "employees"),
        ("analyst", "condition", "bosses"),
        ("admin", "window", "from-soon-on"),
        ("admin", "window", "until-yesterday"),
        ("admin", "preview", "tried"),
    }
    assert all(one["mapping"] == "acme/more" and one["detail"] for one in found["withheld"])
    # By other names, which may hold anything.
    assert await explained(management, "ADA@acme.com") == await explained(management, "00u%2F1") == found

    await provider.patch(f"/Users/{ada['id']}", json={"Operations": [{"op": "replace", "value": {"active": False}}]})
    blocked = await explained(management, "ada@acme.com")
    assert blocked["state"]["value"] == "blocked"
    assert "set inactive by provision, request " in blocked["state"]["because"]
    assert "to be deactivated at " in blocked["state"]["because"]
    assert blocked["roles"] == []
    assert withheld(blocked) == withheld(found) | {("viewer", "blocked", None), ("guest", "blocked", None)}


async def test_what_guards_hold_is_withheld(
    server: Server,
    connection: Connection,
    provider: httpx.AsyncClient,
    application: httpx.AsyncClient,
    management: httpx.AsyncClient,
) -> None:
    """provisioning.md, "Guards": what is held is the effect."""
    safety = Safety(
        protected_users=(ProtectedUser(user_name="breakglass@acme.com"),),
        max_deactivations=DeactivationLimit(percent=0, count=0),
        max_role_changes=RoleChangeLimit(percent=0, count=0),
    )
    guarded = with_rules(connection, rule("more", "analyst", "Staff"), safety=safety)
    await server.intake.offer(guarded, "test")
    assert await server.applier.wait_applied(2, 10)
    ada, protected = await create(provider, "ada@acme.com"), await create(provider, "breakglass@acme.com")
    await create_group(provider, "Staff", ada["id"])
    for user in (ada, protected):
        inactive = {"Operations": [{"op": "replace", "value": {"active": False}}]}
        assert (await provider.patch(f"/Users/{user['id']}", json=inactive)).json()["active"] is False
    await server.intake.offer(with_rules(connection, safety=safety, revision=3), "test")
    assert await server.applier.wait_applied(3, 10)
    held = await explained(management, "ada@acme.com")
    assert held["state"]["value"] == "active"
    assert withheld(held) == {("blocked", "hold", None), ("analyst", "hold", "more")}
    holds = {hold["id"] for hold in (await management.get("/v1/tenants/acme/okta/holds")).json()["holds"]}
    assert all(any(hold in one["detail"] for hold in holds) for one in held["withheld"])
    assert [role["value"] for role in held["roles"]] == await roles_of(application, "ada@acme.com")
    kept = await explained(management, "breakglass@acme.com")
    assert (kept["state"]["value"], withheld(kept)) == ("active", {("blocked", "protected", None)})
    assert [role["value"] for role in kept["roles"]] == ["guest", "viewer"]


async def test_what_is_only_observed_is_withheld(
    server: Server, connection: Connection, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    """provisioning.md, "mode: Observe": planned changes are shown, nothing is applied downstream."""
    ada, grace = await create(provider, "ada@acme.com"), await create(provider, "grace@acme.com")
    admins = await create_group(provider, "App Admins", grace["id"])
    observed = with_rules(connection, mode=Mode.OBSERVE)
    await server.intake.offer(observed, "test")
    assert await server.applier.wait_applied(2, 10)
    joins, leaves = [{"value": ada["id"]}], f'members[value eq "{grace["id"]}"]'
    await change(
        provider, admins["id"], {"op": "add", "path": "members", "value": joins}, {"op": "remove", "path": leaves}
    )
    for user in ("ada@acme.com", "grace@acme.com"):
        found = await explained(management, user)
        assert ("admin", "hold", "admins") in withheld(found)
        assert all("mode Observe" in one["detail"] for one in found["withheld"])
    for mode, changing in ((Mode.OBSERVE, 0), (Mode.ENFORCE, 2)):
        config = with_rules(connection, revision=3, mode=mode).config.model_dump(mode="json", exclude_none=True)
        [told] = (await management.post("/v1/preview", json=config)).json()["tenants"]
        assert told["usersChanging"] == changing


async def test_whom_nobody_knows_and_whom_it_could_be(
    server: Server, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    one = await create(provider, "one@acme.com", externalId="same")
    other = await create(provider, "other@acme.com", externalId="same")
    assert "'nobody'" in await reason(management, 404, "nobody")
    assert "acme/other" in (await management.get("/v1/tenants/acme/other/users/x/explanation")).json()["reason"]
    ambiguous = await reason(management, 409, "same")
    assert str(one["id"]) in ambiguous
    assert str(other["id"]) in ambiguous
    assert (await management.get(f"{USERS}/same/explanation", headers={"Authorization": "no"})).status_code == 401


def _told(role: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its reasons. Applications aren't told since when each of them holds."""
    return [{k: v for k, v in why.items() if k != "since"} for why in role["reasons"]]


async def test_as_it_was(
    server: Server,
    connection: Connection,
    provider: httpx.AsyncClient,
    application: httpx.AsyncClient,
    management: httpx.AsyncClient,
) -> None:
    """provisioning.md, "Each effective role has its reasons": at any time of the retention, exactly."""
    before = datetime.now(UTC)
    ada = await create(provider, "ada@acme.com", externalId="00u1")
    group = await create_group(provider, "App Admins")
    steps = {
        "created": None,
        "joined": change(provider, group["id"], {"op": "add", "path": "members", "value": [{"value": ada["id"]}]}),
        "granted more": server.intake.offer(with_rules(connection, rule("more", "analyst", "App Admins")), "test"),
        "blocked": provider.put(
            f"/Users/{ada['id']}", json={"userName": "ada@acme.com", "externalId": "00u1", "active": False}
        ),
        "active again": provider.put(
            f"/Users/{ada['id']}", json={"userName": "ADA@acme.com", "externalId": "00u1", "active": True}
        ),
        "left": change(provider, group["id"], {"op": "remove", "path": "members"}),
    }
    history = []
    for step, done in steps.items():
        if done is not None:
            await done
        assert await server.applier.wait_applied(server.holder.revision, 10)
        history.append((step, datetime.now(UTC), await effective_of(application, "ada@acme.com")))
    await provider.delete(f"/Users/{ada['id']}")
    deleted = datetime.now(UTC)

    states = []
    for step, at, effective in history:
        was = await explained(management, ada["id"], at=at.isoformat())
        states.append((step, was["state"]["value"], [role["value"] for role in was["roles"]]))
        shown = [{k: role[k] for k in ("value", "since")} for role in effective["roles"]]
        assert [{k: role[k] for k in ("value", "since")} for role in was["roles"]] == shown
        assert [_told(one) for one in was["roles"]] == [_told(one) for one in effective["roles"]]
        assert was["state"]["value"] == effective["state"]
        assert was["withheld"] == []
    assert states == [
        ("created", "active", ["guest", "viewer"]),
        ("joined", "active", ["admin", "viewer"]),
        ("granted more", "active", ["admin", "analyst", "viewer"]),
        ("blocked", "blocked", []),
        ("active again", "active", ["admin", "analyst", "viewer"]),
        ("left", "active", ["guest", "viewer"]),
    ]
    assert "nothing that is kept" in await reason(management, 404, ada["id"], at=before.isoformat())
    assert "deleted" in await reason(management, 404, ada["id"], at=deleted.isoformat())
    assert "deleted" in await reason(management, 404, "ada@ACME.com", at=deleted.isoformat())
    assert (await explained(management, "00u1", at=history[1][1].isoformat()))["user"]["userName"] == "ada@acme.com"
    malformed = await management.get(f"{USERS}/{ada['id']}/explanation", params={"at": "yesterday"})
    assert "at" in malformed.text


async def test_a_time_before_there_was_the_user(
    server: Server, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    before = datetime.now(UTC)
    await create(provider, "ada@acme.com")
    assert "created after that, at " in await reason(management, 404, "ada@acme.com", at=before.isoformat())


@pytest.mark.databases("sqlite")
async def test_the_path_of_a_name_with_slashes(
    server: Server, provider: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    await create(provider, "a/b/explanation")
    found = await explained(management, "a%2Fb%2Fexplanation")
    assert found["user"]["userName"] == "a/b/explanation"
