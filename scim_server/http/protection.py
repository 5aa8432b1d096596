"""What keeps one client from taking the server from the others: rates, failures, requests at once, time."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Scope

from scim_server.auth.failures import Failure
from scim_server.folding import fold
from scim_server.http.deadlines import TimeLimits
from scim_server.limits.client_address import TrustedProxies
from scim_server.limits.keyed_limit import KeyedLimit
from scim_server.limits.slots import Slots
from scim_server.limits.token_bucket import Rate
from scim_server.metrics import Metrics

DEFAULT_TENANT_RATE = Rate(1000, 5000)
CREDENTIAL_SHARE = 0.8
"""Of the tenant's rate: what one credential may use of it."""
DEFAULT_CREDENTIAL_RATE = Rate(800, 4000)
DEFAULT_USER_RATE = Rate(10, 100)
DEFAULT_FAILURE_RATE = Rate(20 / 60, 20)


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Of one replica. See docs/reference/limits.md, which says what a client sees of each."""

    tenant_rate: Rate | None = DEFAULT_TENANT_RATE
    """Requests of one tenant, whatever they are. None: any number."""
    credential_rate: Rate | None = DEFAULT_CREDENTIAL_RATE
    """Requests with one credential: below the tenant's, so that no credential keeps the others from it."""
    user_rate: Rate | None = DEFAULT_USER_RATE
    """Requests of one user by credentials of access Self."""
    tenant_requests: int = 200
    """Requests of one tenant under way at once."""
    waiting_requests: int = 20
    """Requests of one tenant that wait for events at once. They are under way, too."""
    token_requests: int = 20
    """Requests for a token under way at once from one address: these wait for a body before anybody is known. A new
    one ends the one that has waited longest."""
    failed_authentication: Rate | None = DEFAULT_FAILURE_RATE
    """Of one address, or of one /64 network for IPv6. A valid credential is always let through, so nobody can lock an
    identity provider out by failing from the address of a proxy that both come through."""
    large_answers: int = 1 << 30
    """Bytes of answers that wait for their clients in temporary files; half of it for those of one tenant."""
    large_bodies: int = 128 << 20
    """Bytes of bodies above `bodies.LARGE` that are held for all requests; half of it for those of one tenant."""
    times: TimeLimits = field(default_factory=TimeLimits)


@dataclass(frozen=True, slots=True)
class TooOften:
    reason: str
    wait_seconds: int


class Protection:
    """The state of the limits of one server. `metrics` count what is refused."""

    def __init__(self, limits: RequestLimits, proxies: TrustedProxies, metrics: Metrics) -> None:
        self.times = limits.times
        self.large_answers = limits.large_answers
        self.large_bodies = limits.large_bodies
        self._proxies = proxies
        self._metrics = metrics
        self._tenants = KeyedLimit(limits.tenant_rate)
        self._credentials = KeyedLimit(limits.credential_rate)
        self._users = KeyedLimit(limits.user_rate)
        self._failures = KeyedLimit(limits.failed_authentication)
        self._tenants_under_way = UnderWay(limits.tenant_requests)
        self._tenants_waiting = UnderWay(limits.waiting_requests)
        self.token_requests = Slots(limits.token_requests)

    def note_failure(self, scope: Scope, failure: Failure) -> int:
        """Count a failed authentication. 0, or the seconds that the address has to wait."""
        self._metrics.failed_to_authenticate(failure)
        return self._refused("failed_authentication", self._failures.take(self.address_of(scope)))

    def address_of(self, scope: Scope) -> str:
        """Of the client, or its network. See `TrustedProxies.client_of`."""
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        client: Any = scope.get("client")
        return self._proxies.client_of(client[0] if client else None, forwarded)

    def note_request(self, tenant: str, credential: str, user: str | None) -> "TooOften | None":
        """Count a request of a tenant, by a credential, and by a user where the credential is of access Self.

        What the narrower limits refuse doesn't count for the wider ones: nobody uses up what is the others'.
        """
        if user is not None and (wait := self._refused("user_rate", self._users.take((tenant, fold(user))))):
            return TooOften("this user sends more requests than one may (limit user_rate)", wait)
        if wait := self._refused("credential_rate", self._credentials.take((tenant, credential))):
            return TooOften("this credential sends more requests than it may (limit credential_rate)", wait)
        if wait := self._refused("tenant_rate", self._tenants.take(tenant)):
            return TooOften("this tenant sends more requests than it may (limit tenant_rate)", wait)
        return None

    def begin_request(self, tenant: str) -> bool:
        """Whether one more request of the tenant may be under way; then `end_request` has to follow."""
        if self._tenants_under_way.begin(tenant):
            return True
        self._metrics.refused("tenant_requests")
        return False

    def end_request(self, tenant: str) -> None:
        self._tenants_under_way.end(tenant)

    def begin_wait(self, tenant: str) -> bool:
        """Whether one more request of the tenant may wait for events; then `end_wait` has to follow."""
        if self._tenants_waiting.begin(tenant):
            return True
        self._metrics.refused("waiting_requests")
        return False

    def end_wait(self, tenant: str) -> None:
        self._tenants_waiting.end(tenant)

    def note_token_request_refused(self) -> None:
        self._metrics.refused("token_requests")

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
