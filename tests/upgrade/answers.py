"""A list of GET requests, and what is compared of their answers."""

import json
import re
from datetime import datetime
from typing import Any

import httpx

from scim_server.app import Server
from tests.support.serving import EFFECTIVE, MANAGEMENT_HEADERS, Connection, client_of
from tests.upgrade.tenants import APP, CONNECTIONS, EMPTY, OKTA, PENDING, SERVED, TEAM

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_DIGEST = re.compile(r'(W/\\"\d+)\.[0-9a-f]{16}')
"""Of derived attributes, in a JSON text of an entity tag."""

_LISTS = (
    "/Users",
    "/Users?startIndex=3&count=4",
    "/Users?count=0",
    "/Users?excludedAttributes=emails,name&count=3",
    "/Groups",
    "/Groups?excludedAttributes=members",
    "/Groups?startIndex=2&count=2&attributes=displayName",
)
_USER_FILTERS = (
    'userName sw "ada"',
    'userName eq "GRACE.Hopper@acme.example"',
    'externalId eq "00u-today"',
    'externalId ne "00u-today"',
    'emails.value eq "GRACE@navy.example"',
    'emails[type eq "home" and value co "home"]',
    'displayName eq "åLAN"',
    "displayName pr and not (title pr)",
    'name.familyName ew "OKTA"',
    'userName eq "STRASSE@acme.example"',
    'displayName eq "finch"',
    'roles.value eq "strasse"',
    'roles[value eq "compiler writer" and primary eq true]',
    "active eq true",
    "active eq false",
    'groups.display eq "App Admins"',
    'meta.created gt "2026-01-01T00:00:00Z"',
    'meta.lastModified gt "2026-11-27T00:00:00Z"',
    'userName eq "deleted@acme.okta.example"',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "compilers"',
)
_EFFECTIVE_FILTERS = (
    f'{EFFECTIVE}:roles.value eq "admin"',
    f'{EFFECTIVE}:roles.value eq "guest"',
    f'{EFFECTIVE}:state eq "active"',
    f'{EFFECTIVE}:state eq "blocked"',
    f'{EFFECTIVE}:state eq "deactivated"',
)
_EXTENSION_FILTERS = (
    f'{APP}:badge eq "aB-7"',
    f'{APP}:badge eq "ab-7"',
    f"{APP}:level gt 6",
    f'{APP}:hired lt "1943-12-02T03:00:01Z"',
    f'{APP}:tags eq "navy"',
)
_GROUP_FILTERS = (
    'displayName eq "analysts ω"',
    'displayName sw "team"',
    'externalId eq "00g-admins"',
    'externalId eq "00g-dropped"',
    'members.display sw "ada"',
    "members pr",
)
_DISCOVERY = ("/Roles", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig")
_SORTS = ("userName", "displayName", "name.familyName", "meta.lastModified", "externalId", "title")


async def ask_all(server: Server, from_: datetime) -> list[dict[str, Any]]:
    """Every request with its answer. Times since `from_` are only said to be later."""
    answers: list[dict[str, Any]] = []
    for tenant in CONNECTIONS:
        for credential in ("provision", "read"):
            async with client_of(server.url, tenant, credential) as client:
                for path in await _paths(client, tenant, credential):
                    answer = await client.get(path)
                    found = {
                        "tenant": tenant.key,
                        "credential": credential,
                        "path": path,
                        "status": answer.status_code,
                        "etag": answer.headers.get("etag"),
                        "body": answer.json(),
                    }
                    # What pending users get as their roles follow the rules is of that instant; so are the digests.
                    answers.append(_comparable(found, from_, digests=tenant is not PENDING))
    async with client_of(server.management_url, headers=MANAGEMENT_HEADERS) as client:
        status = (await client.get("/v1/status")).json()
    return [*answers, _comparable({"path": "/v1/status", "tenants": status["tenants"]}, from_, digests=True)]


async def _paths(client: httpx.AsyncClient, tenant: Connection, credential: str) -> list[str]:
    if tenant not in SERVED:
        return ["/Users"]
    ids = {endpoint: await _ids(client, endpoint) for endpoint in ("Users", "Groups")}
    resources = [f"/{endpoint}/{id_}" for endpoint, of_endpoint in ids.items() for id_ in of_endpoint]
    if tenant is EMPTY:
        return [*_LISTS, *resources]
    users, groups = [*_USER_FILTERS], [*_GROUP_FILTERS]
    if credential == "read":
        users += _EFFECTIVE_FILTERS
    if tenant is OKTA:
        users += _EXTENSION_FILTERS
        groups.append(f"{TEAM}:budget eq 12")
    return [
        *_LISTS,
        *_DISCOVERY,
        *(_path("Users", filter=each, attributes="userName") for each in users),
        *(_path("Groups", filter=each, attributes="displayName") for each in groups),
        *(
            _path("Users", sortBy=each, sortOrder=order, attributes="userName")
            for each in _SORTS
            for order in ("ascending", "descending")
        ),
        *resources,
    ]


def _path(endpoint: str, **parameters: str) -> str:
    return f"/{endpoint}?{httpx.QueryParams(parameters)}"


async def _ids(client: httpx.AsyncClient, endpoint: str) -> list[str]:
    found = (await client.get(f"/{endpoint}?attributes=id")).json()
    return [resource["id"] for resource in found["Resources"]]


def _comparable(found: dict[str, Any], from_: datetime, *, digests: bool) -> dict[str, Any]:
    def shown(time: re.Match[str]) -> str:
        return time[0] if datetime.fromisoformat(time[0]) < from_ else "later"

    text = _TIME.sub(shown, json.dumps(found))
    comparable: dict[str, Any] = json.loads(text if digests else _DIGEST.sub(r"\1", text))
    return comparable
