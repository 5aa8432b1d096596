"""Okta's provisioning agent, as far as the quick start needs it: the same requests, bodies and order.

Source: Okta's description of what it sends (https://developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20/).
Okta looks everything up first, so playing the sync again finds what is there and changes nothing.
"""

import secrets
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from scim_operator.quickstart.directory import MembershipChange, Person, PushedGroup, Sync

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_CONTENT_TYPE = "application/scim+json; charset=utf-8"
_TIMEOUT = aiohttp.ClientTimeout(total=60)


class UnexpectedAnswer(Exception):
    """The server answered something that Okta would report as a failed provisioning task."""


class OktaAgent:
    """Speaks SCIM to `base_url` with one bearer token. Use it as an async context manager.

    Its methods raise `UnexpectedAnswer`, and `aiohttp.ClientError` when nobody answers.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._session = aiohttp.ClientSession(
            headers={
                "User-Agent": "Okta SCIM Client 1.0.0",
                "Accept": "application/scim+json",
                "Authorization": f"Bearer {token}",
            },
            timeout=_TIMEOUT,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def test_connection(self) -> None:
        """What the button "Test Connector Configuration" sends."""
        await self._call("GET", "/Users?startIndex=1&count=2")
        await self._call("GET", "/Groups?count=100&startIndex=1")

    async def assign(self, person: Person) -> str:
        """Look the user up and create it if there is none. Returns the server's id."""
        found = await self._find("Users", "userName", person.user_name)
        if found is not None:
            return found
        return str((await self._call("POST", "/Users", _new_user(person)))["id"])

    async def push(self, group: PushedGroup, user_ids: Mapping[Person, str]) -> str:
        """Push a group: look it up, create it empty if there is none and then send its members."""
        found = await self._find("Groups", "displayName", group.display_name)
        if found is not None:
            return found
        body: dict[str, Any] = {"schemas": [GROUP_SCHEMA], "displayName": group.display_name, "members": []}
        group_id = str((await self._call("POST", "/Groups", body))["id"])
        operation = {"op": "replace", "path": "members", "value": _members(group.members, user_ids)}
        await self._patch(f"/Groups/{group_id}", [operation])
        return group_id

    async def change_members(self, change: MembershipChange, group_id: str, user_ids: Mapping[Person, str]) -> None:
        """One PATCH that mixes removals and additions, led by the path-less rename that Okta always sends along."""
        operations: list[dict[str, Any]] = [
            {"op": "replace", "value": {"id": group_id, "displayName": change.group}},
            *({"op": "remove", "path": f'members[value eq "{user_ids[person]}"]'} for person in change.leaves),
        ]
        if change.joins:
            operations.append({"op": "add", "path": "members", "value": _members(change.joins, user_ids)})
        await self._patch(f"/Groups/{group_id}", operations)

    async def unassign(self, user_id: str) -> None:
        """Okta never deletes a user: it sets `active` to false, without a path."""
        await self._patch(f"/Users/{user_id}", [{"op": "replace", "value": {"active": False}}])

    async def _find(self, endpoint: str, attribute: str, value: str) -> str | None:
        condition = quote(f'{attribute} eq "{value}"', safe="")
        listed = await self._call("GET", f"/{endpoint}?filter={condition}&startIndex=1&count=100")
        resources = listed.get("Resources") or []
        return str(resources[0]["id"]) if resources else None

    async def _patch(self, path: str, operations: list[dict[str, Any]]) -> None:
        await self._call("PATCH", path, {"schemas": [PATCH_SCHEMA], "Operations": operations})

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": _CONTENT_TYPE} if body is not None else {}
        data = orjson.dumps(body) if body is not None else None
        # The URL is encoded already, as Okta does it.
        url = URL(self._base_url + path, encoded=True)
        async with self._session.request(method, url, data=data, headers=headers) as response:
            text = await response.read()
            if response.status >= 400:
                raise UnexpectedAnswer(f"{method} {path}: {response.status} {text[:300].decode(errors='replace')}")
            answer: dict[str, Any] = orjson.loads(text) if text else {}
            return answer


async def play(sync: Sync, agent: OktaAgent) -> None:
    """A day of provisioning, in Okta's order. The same again changes nothing."""
    await agent.test_connection()
    user_ids = {person: await agent.assign(person) for person in sync.people}
    group_ids = {group.display_name: await agent.push(group, user_ids) for group in sync.groups}
    for change in sync.changes:
        await agent.change_members(change, group_ids[change.group], user_ids)
    for person in sync.leavers:
        await agent.unassign(user_ids[person])


def _members(people: Iterable[Person], user_ids: Mapping[Person, str]) -> list[dict[str, str]]:
    return [{"value": user_ids[person], "display": person.user_name} for person in people]


def _new_user(person: Person) -> dict[str, Any]:
    schemas = [USER_SCHEMA]
    body: dict[str, Any] = {
        "schemas": schemas,
        "userName": person.user_name,
        "name": {"givenName": person.given_name, "familyName": person.family_name},
        "emails": [{"primary": True, "value": person.user_name, "type": "work"}],
        "displayName": person.display_name,
        "locale": "en-US",
        "externalId": person.external_id,
        "groups": [],
        # Okta sends a random one where it doesn't synchronise passwords; the server never keeps it.
        "password": secrets.token_urlsafe(12),
        "active": True,
    }
    if person.department is not None:
        schemas.append(ENTERPRISE_SCHEMA)
        body[ENTERPRISE_SCHEMA] = {"department": person.department}
    return body
