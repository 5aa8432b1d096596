"""The server's management API, as its client: `PUT /v1/config` and `GET /v1/status`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from scim_operator.delivery.replicas import Replica

# A push is answered after the swap and, for up to 5 s, after the recomputation of roles.
_PUSH = aiohttp.ClientTimeout(total=20, sock_connect=3)
_STATUS = aiohttp.ClientTimeout(total=5, sock_connect=2)


class ManagementError(Exception):
    """A replica that didn't do what it was asked; the message is fit for a status."""


class ReplicaUnreachable(ManagementError):
    """No answer, or one that isn't the management API's."""


class ConfigRefused(ManagementError):
    """422: the document doesn't validate there."""


class RevisionRefused(ManagementError):
    """409: the revision is lower than `floor`, or it is in use for another document. `revision` is what runs."""

    def __init__(self, revision: int, floor: int, reason: str) -> None:
        super().__init__(reason)
        self.revision = revision
        self.floor = floor


@dataclass(frozen=True, slots=True)
class FormerUsers:
    """Users of a deleted ProvisioningConfig of the same name: how many there were when this one came, at `since`."""

    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class TenantStatus:
    """What a server tells of one tenant."""

    active: int = 0
    blocked: int = 0
    deactivated: int = 0
    groups: int = 0
    last_sync_time: datetime | None = None
    former_users: FormerUsers | None = None


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """What a replica runs. `floor` is the highest revision that its database has seen, `settled_revision` the one by
    which the roles of all existing users are computed."""

    revision: int
    settled_revision: int
    floor: int
    tenants: Mapping[str, TenantStatus] = field(default_factory=dict)


class ManagementToken:
    """The bearer token of the management API, in a file that may be replaced at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        """Raises `ReplicaUnreachable` when the file can't be read: nothing can be delivered then."""
        try:
            token = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ReplicaUnreachable(f"the management token can't be read: {error}") from None
        if not token:
            raise ReplicaUnreachable(f"the management token's file {self._path} is empty")
        return token


class ManagementClient:
    """One HTTP session for all replicas. Use as an async context manager."""

    def __init__(self, token: ManagementToken) -> None:
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # No connection is kept: replicas come and go, and a push is rare.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), headers={"User-Agent": "scim-operator"}
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def put_config(self, replica: Replica, bundle: bytes) -> ReplicaStatus:
        """Push an encoded `ConfigBundle` and return what the replica runs then; its `tenants` are empty.

        Raises `ReplicaUnreachable`, `ConfigRefused`, `RevisionRefused`.
        """
        headers = {"Content-Type": "application/json"}
        status, answer = await self._call("PUT", replica, "/v1/config", _PUSH, data=bundle, headers=headers)
        if status == 422:
            raise ConfigRefused(str(answer.get("reason") or "no reason given")[:500])
        if status == 409:
            reason = str(answer.get("reason") or "the revision was refused")[:500]
            raise RevisionRefused(_integer(answer, "revision"), _integer(answer, "floor"), reason)
        if status != 200:
            raise ReplicaUnreachable(f"PUT /v1/config was answered {status}{_hint(status)}")
        revision = _integer(answer, "revision")
        return ReplicaStatus(revision, _integer(answer, "settledRevision", 0), floor=revision)

    async def get_status(self, replica: Replica) -> ReplicaStatus:
        """Raises `ReplicaUnreachable`."""
        status, answer = await self._call("GET", replica, "/v1/status", _STATUS)
        if status != 200:
            raise ReplicaUnreachable(f"GET /v1/status was answered {status}{_hint(status)}")
        revision = _integer(answer, "revision")
        tenants = _object(answer, "tenants")
        return ReplicaStatus(
            revision=revision,
            settled_revision=_integer(answer, "settledRevision", 0),
            floor=max(revision, _integer(answer, "floor", 0)),
            tenants={key: _tenant_status(tenants, key) for key in tenants},
        )

    async def _call(
        self, method: str, replica: Replica, path: str, limits: aiohttp.ClientTimeout, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        assert self._session is not None  # noqa: S101 - entered
        headers = {"Authorization": f"Bearer {self._token.read()}"} | more.pop("headers", {})
        try:
            async with self._session.request(
                method, replica.url + path, timeout=limits, headers=headers, allow_redirects=False, **more
            ) as response:
                body = await response.read()
        except TimeoutError:
            raise ReplicaUnreachable("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ReplicaUnreachable(_short(error)) from None
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}


def _short(error: Exception) -> str:
    """The operating system's own words where there are some: aiohttp's repeat host, port and TLS settings."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return (getattr(inner, "strerror", None) or str(inner) or type(error).__name__)[:200]


def _hint(status: int) -> str:
    return ": is it given the same management token?" if status == 401 else ""


def _integer(answer: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = answer.get(name, default)
    if not isinstance(value, int):
        raise _not_ours(name)
    return value


def _object(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = answer.get(name) or {}
    if not isinstance(value, dict):
        raise _not_ours(name)
    return value


def _time(answer: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(answer[name]) if answer.get(name) else None
    except (TypeError, ValueError):
        raise _not_ours(name) from None


def _tenant_status(tenants: Mapping[str, Any], key: str) -> TenantStatus:
    tenant = _object(tenants, key)
    users = _object(tenant, "users")
    return TenantStatus(
        active=_integer(users, "active", 0),
        blocked=_integer(users, "blocked", 0),
        deactivated=_integer(users, "deactivated", 0),
        groups=_integer(tenant, "groups", 0),
        last_sync_time=_time(tenant, "lastSyncTime"),
        former_users=_former_users(tenant),
    )


def _former_users(tenant: Mapping[str, Any]) -> FormerUsers | None:
    former = _object(tenant, "formerUsers")
    since = _time(former, "since")
    return FormerUsers(_integer(former, "count"), since) if since is not None else None


def _not_ours(name: str) -> ReplicaUnreachable:
    return ReplicaUnreachable(f"the answer isn't the management API's: {name} is missing or of another type")
