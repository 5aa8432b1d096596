"""The server's management API, as its client: `PUT /v1/config` and `GET /v1/status`."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from scim_operator.connection_errors import connection_error
from scim_operator.delivery.authorities import Authorities
from scim_operator.delivery.faults import Fault
from scim_operator.delivery.replicas import Replica
from scim_operator.delivery.tenant_answer import WrongAnswer, read_integer, read_object, read_tenant
from scim_operator.delivery.tenant_status import TenantStatus
from scim_server.config import SHARDS

# A push is answered after the swap and, for up to 5 s, after the recomputation of roles.
_PUSH_SECONDS = 20.0
_PUSH_SECONDS_PER_MEGABYTE = 20.0
_CONNECT_SECONDS = 3.0
_STATUS = aiohttp.ClientTimeout(total=5, sock_connect=2)


class ManagementError(Exception):
    """A replica that didn't do what it was asked. The message is for the log, the kind of `fault` for conditions."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class ReplicaUnreachable(ManagementError):
    """No answer, or one that isn't the management API's."""


class ConfigRefused(ManagementError):
    """422: the configuration doesn't validate there."""


class RevisionRefused(ManagementError):
    """409: the revision is lower than `floor`, or it is in use for another content. `revision` is what runs."""

    def __init__(self, revision: int, floor: int, reason: str) -> None:
        super().__init__(Fault.CONFIG_REFUSED, reason)
        self.revision = revision
        self.floor = floor


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """What a replica runs of a shard. `floor` is the highest revision that its database has seen, `applied_revision`
    the one by which the roles of all existing users are computed."""

    revision: int
    applied_revision: int
    floor: int


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """What a replica runs."""

    shards: Mapping[int, ShardStatus]
    tenants: Mapping[str, TenantStatus] = field(default_factory=dict)


class ManagementToken:
    """The bearer token of the management API, in a file that may be replaced at any time. Of several, one a line, the
    first is sent: servers accept each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        """Raises `ReplicaUnreachable` when the file can't be read: nothing can be delivered then."""
        try:
            lines = self._path.read_text(encoding="utf-8").strip().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ReplicaUnreachable(Fault.TOKEN_UNREADABLE, f"{self._path}: {why}") from None
        if not lines:
            raise ReplicaUnreachable(Fault.TOKEN_UNREADABLE, f"{self._path}: the file is empty")
        return lines[0].strip()


class ManagementClient:
    """One HTTP session for all replicas. Use as an async context manager.

    `authorities` sign the certificates of servers; None: those that the system trusts.
    """

    def __init__(self, token: ManagementToken, authorities: Authorities | None = None) -> None:
        self._token = token
        self._authorities = authorities
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

    async def put_config(self, replica: Replica, bundle: bytes) -> ShardStatus:
        """Push an encoded `ConfigBundle`, which is a shard, and return what the replica runs of it then.

        Raises `ReplicaUnreachable`, `ConfigRefused`, `RevisionRefused`.
        """
        headers = {"Content-Type": "application/json"}
        limits = aiohttp.ClientTimeout(total=push_seconds(len(bundle)), sock_connect=_CONNECT_SECONDS)
        status, answer = await self._call("PUT", replica, "/v1/config", limits, data=bundle, headers=headers)
        if status == 422:
            reason = str(answer.get("reason") or "no reason given")[:500]
            raise ConfigRefused(Fault.TOO_OLD if "schemaVersion" in reason else Fault.CONFIG_REFUSED, reason)
        if status == 409:
            reason = str(answer.get("reason") or "the revision was refused")[:500]
            raise _refused_revision(answer, reason)
        if status != 200:
            raise _unexpected("PUT /v1/config", status)
        try:
            revision = read_integer(answer, "revision")
            return ShardStatus(revision, read_integer(answer, "appliedRevision", 0), floor=revision)
        except WrongAnswer as error:
            raise _not_ours(error) from None

    async def get_status(self, replica: Replica) -> ReplicaStatus:
        """Raises `ReplicaUnreachable`."""
        status, answer = await self._call("GET", replica, "/v1/status", _STATUS)
        if status != 200:
            raise _unexpected("GET /v1/status", status)
        try:
            shards, tenants = read_object(answer, "shards"), read_object(answer, "tenants")
            if not shards and "revision" in answer:
                raise ReplicaUnreachable(
                    Fault.TOO_OLD, "GET /v1/status: the server knows no shards: upgrade it first"
                )
            return ReplicaStatus(
                shards={shard: _shard_status(read_object(shards, str(shard))) for shard in SHARDS},
                tenants={key: read_tenant(read_object(tenants, key)) for key in tenants},
            )
        except WrongAnswer as error:
            raise _not_ours(error) from None

    async def _call(
        self, method: str, replica: Replica, path: str, limits: aiohttp.ClientTimeout, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        assert self._session is not None  # noqa: S101 - entered
        headers = {"Authorization": f"Bearer {self._token.read()}"} | more.pop("headers", {})
        trusted = True if self._authorities is None else self._authorities.context()
        try:
            async with self._session.request(
                method,
                replica.url + path,
                timeout=limits,
                headers=headers,
                allow_redirects=False,
                ssl=trusted,
                server_hostname=replica.tls_name,
                **more,
            ) as response:
                body = await response.read()
        except ssl.SSLCertVerificationError as error:
            raise ReplicaUnreachable(Fault.CERTIFICATE_REFUSED, connection_error(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ReplicaUnreachable(Fault.NO_ANSWER, connection_error(error)) from None
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}


def push_seconds(size: int) -> float:
    """How long a push of so many bytes may take: a server validates all of it."""
    return _PUSH_SECONDS + _PUSH_SECONDS_PER_MEGABYTE * size / 1e6


def _refused_revision(answer: Mapping[str, Any], reason: str) -> ManagementError:
    try:
        return RevisionRefused(read_integer(answer, "revision"), read_integer(answer, "floor"), reason)
    except WrongAnswer as error:
        return _not_ours(error)


def _not_ours(error: WrongAnswer) -> ReplicaUnreachable:
    return ReplicaUnreachable(Fault.WRONG_ANSWER, str(error))


def _unexpected(request: str, status: int) -> ReplicaUnreachable:
    if status in (401, 403):
        fault = Fault.TOKEN_REFUSED
    else:
        fault = Fault.SERVER_ERROR if status >= 500 else Fault.WRONG_ANSWER
    return ReplicaUnreachable(fault, f"{request} was answered {status}")


def _shard_status(shard: Mapping[str, Any]) -> ShardStatus:
    revision = read_integer(shard, "revision")
    applied, floor = read_integer(shard, "appliedRevision", 0), read_integer(shard, "floor", 0)
    return ShardStatus(revision, applied, max(revision, floor))
