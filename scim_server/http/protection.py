"""What keeps one client from taking the server from the others: rates, failures, requests at once, time."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Scope

from scim_server.auth.failures import Failure
from scim_server.http.deadlines import TimeLimits
from scim_server.limits.client_address import TrustedProxies
from scim_server.limits.keyed_limit import KeyedLimit
from scim_server.limits.token_bucket import Rate
from scim_server.metrics import Metrics

DEFAULT_TENANT_RATE = Rate(1000, 5000)
DEFAULT_FAILURE_RATE = Rate(20 / 60, 20)


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Of one replica. See docs/reference/limits.md, which says what a client sees of each."""

    tenant_rate: Rate | None = DEFAULT_TENANT_RATE
    """Requests of one tenant, whatever they are. None: any number."""
    tenant_requests: int = 200
    """Requests of one tenant under way at once."""
    token_requests: int = 20
    """Requests for a token under way at once from one address: these wait for a body before anybody is known."""
    failed_authentication: Rate | None = DEFAULT_FAILURE_RATE
    """Of one address, or of one /64 network for IPv6. A valid credential is always let through, so nobody can lock an
    identity provider out by failing from the address of a proxy that both come through."""
    unread_answers: int = 128 << 20
    """Bytes that clients together may leave unread of answers that are written piece by piece, as compressed."""
    large_bodies: int = 128 << 20
    """Bytes of bodies above `bodies.LARGE` that are held for all requests; half of it for those of one tenant."""
    times: TimeLimits = field(default_factory=TimeLimits)


class Protection:
    """The state of the limits of one server. `metrics` count what is refused."""

    def __init__(self, limits: RequestLimits, proxies: TrustedProxies, metrics: Metrics) -> None:
        self.times = limits.times
        self.unread_answers = limits.unread_answers
        self.large_bodies = limits.large_bodies
        self._proxies = proxies
        self._metrics = metrics
        self._tenants = KeyedLimit(limits.tenant_rate)
        self._failures = KeyedLimit(limits.failed_authentication)
        self._tenants_under_way = UnderWay(limits.tenant_requests)
        self._token_requests = UnderWay(limits.token_requests)

    def note_failure(self, scope: Scope, failure: Failure) -> int:
        """Count a failed authentication. 0, or the seconds that the address has to wait."""
        self._metrics.failed_to_authenticate(failure)
        return self._refused("failed_authentication", self._failures.take(self.address_of(scope)))

    def address_of(self, scope: Scope) -> str:
        """Of the client, or its network. See `TrustedProxies.client_of`."""
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        client: Any = scope.get("client")
        return self._proxies.client_of(client[0] if client else None, forwarded)

    def note_request(self, tenant: str) -> int:
        """Count a request of a tenant. 0, or the seconds that it has to wait."""
        return self._refused("tenant_rate", self._tenants.take(tenant))

    def begin_request(self, tenant: str) -> bool:
        """Whether one more request of the tenant may be under way; then `end_request` has to follow."""
        if self._tenants_under_way.begin(tenant):
            return True
        self._metrics.refused("tenant_requests")
        return False

    def end_request(self, tenant: str) -> None:
        self._tenants_under_way.end(tenant)

    def begin_token_request(self, address: str) -> bool:
        """Whether one more token request of the address may be under way; then `end_token_request` has to follow."""
        if self._token_requests.begin(address):
            return True
        self._metrics.refused("token_requests")
        return False

    def end_token_request(self, address: str) -> None:
        self._token_requests.end(address)

    def _refused(self, reason: str, wait_seconds: float) -> int:
        """RFC 9110 §10.2.3: Retry-After has no fractions."""
        if wait_seconds:
            self._metrics.refused(reason)
        return math.ceil(wait_seconds)


class UnderWay:
    """How many are under way at once, for each key; at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def begin(self, key: str) -> bool:
        """Whether one more may be under way; then `end` has to follow."""
        if self._counts[key] >= self._most:
            return False
        self._counts[key] += 1
        return True

    def end(self, key: str) -> None:
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]
