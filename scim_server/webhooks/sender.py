"""Sending one event to one receiver, which may be slow, broken or hostile."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

import aiohttp
from yarl import URL

from scim_server.config import Webhook
from scim_server.webhooks.addresses import AddressGuard, AddressRefused
from scim_server.webhooks.bodies import CONTENT_TYPES
from scim_server.webhooks.retries import retry_after

_log = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0
"""For a whole attempt."""
_CONNECT_SECONDS = 5.0
_BODY_SECONDS = 1.0
_KEEP_SECONDS = 3.0
"""That a connection is kept for the next event: receivers close theirs after five or more."""
_MOST_BODY = 4096
"""Bytes. Nothing is done with them: where an answer ends within them its connection is used again."""
CONNECTIONS = 16
"""To one receiver: so many attempts are under way at once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt. `error` is None where the receiver has taken the event."""

    status: int | None = None
    error: str | None = None
    """In words, without anything that was sent or received."""
    retry_after: timedelta | None = None
    connected: bool = True
    """Whether there was a connection at all."""

    @property
    def gone(self) -> bool:
        """The receiver wants no more events."""
        return self.status == 410


class Sender:
    """To one webhook, with connections of its own. Proxies of the environment aren't used: the check of the address
    would be theirs."""

    def __init__(
        self, webhook: Webhook, *, allow_loopback: bool = False, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._webhook = webhook
        self._allow_loopback = allow_loopback
        self._seconds = answer_seconds
        self._session: aiohttp.ClientSession | None = None

    async def send(self, body: bytes, signature: Mapping[str, str], now: datetime) -> Answer:
        """One attempt. Raises nothing but `CancelledError`."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(body, signature, now)
        except TimeoutError:
            return Answer(error=f"no answer within {self._seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            connected = isinstance(error, aiohttp.ServerDisconnectedError)
            return Answer(error=_in_words(error), connected=connected)
        except (
            Exception
        ) as error:  # whatever a receiver makes of a library: an attempt that never ends holds up a user
            _log.warning("an attempt to deliver an event failed: %s", type(error).__name__)
            return Answer(error=f"the request failed ({type(error).__name__})")

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _send(self, body: bytes, signature: Mapping[str, str], now: datetime) -> Answer:
        if self._session is None:
            self._session = self._open()
        headers = {"Content-Type": CONTENT_TYPES[self._webhook.format], **signature}
        async with self._session.post(
            URL(self._webhook.url), data=body, headers=headers, allow_redirects=False
        ) as answer:
            # By now the receiver has decided. A body that doesn't end is cut off.
            with contextlib.suppress(TimeoutError, aiohttp.ClientError):
                async with asyncio.timeout(_BODY_SECONDS):
                    await _skip_body(answer)
            if not answer.content.at_eof():
                answer.close()
            status = answer.status
            if 200 <= status < 300:
                return Answer(status)
            error = "redirects are not followed" if 300 <= status < 400 else f"status {status}"
            return Answer(status, error, retry_after(answer.headers.get("Retry-After"), now))

    def _open(self) -> aiohttp.ClientSession:
        url = URL(self._webhook.url)
        guard = AddressGuard(allow_loopback=self._allow_loopback, encrypted=url.scheme == "https")
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=_KEEP_SECONDS, socket_factory=guard),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": f"scim-operator/{version('scim-operator')}", "Accept-Encoding": "identity"},
        )


async def _skip_body(answer: aiohttp.ClientResponse) -> None:
    left = _MOST_BODY
    while left > 0 and (chunk := await answer.content.read(left)):
        left -= len(chunk)


def _in_words(error: Exception) -> str:
    """What went wrong, without the URL: it may hold a secret."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "the certificate is not valid for this host"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host's name could not be resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        if isinstance(cause, AddressRefused):
            return str(cause)
        if isinstance(cause, ConnectionRefusedError):
            return "the connection was refused"
        if isinstance(cause, ssl.SSLError):
            return "the TLS handshake failed"
        return "no connection could be made"
    if isinstance(error, aiohttp.ServerTimeoutError):
        return f"no connection within {_CONNECT_SECONDS:g} s"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return "the connection was closed before an answer"
    if isinstance(error, aiohttp.InvalidURL):
        return "the host of the URL is not valid"
    if isinstance(error, aiohttp.ClientError):
        return f"the request failed ({type(error).__name__})"
    return str(error)
