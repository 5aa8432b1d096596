"""HTTP as a provider speaks it: the path as it is given, no redirect followed, one request after the other."""

import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_LARGEST_BODY = 32 << 20
_NOT_TLS = frozenset(("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"))
"""OpenSSL's reasons, of its versions, for an answer that isn't TLS."""


class NoAnswer(Exception):
    """Nothing came back; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def content_type(self) -> str:
        """Without parameters, in small letters; empty where there is none."""
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    @property
    def json(self) -> Any:
        """None where the body isn't JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def detail(self) -> str:
        """The server's own words, where it answers as SCIM does."""
        document = self.json
        detail = document.get("detail") if isinstance(document, dict) else None
        return detail if isinstance(detail, str) else ""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """Of one SCIM base URL. Query parameters of the base URL go with every request, as Entra ID sends them."""

    def __init__(self, base_url: str, headers: Mapping[str, str], *, seconds: float, tls: ssl.SSLContext) -> None:
        self.base = urlsplit(base_url)
        self.seconds = seconds
        self._headers = headers
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects(), urllib.request.HTTPSHandler(context=tls)]
        if is_loopback(self.base.hostname):
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    @property
    def is_unencrypted(self) -> bool:
        """Whether what is sent can be read on the way."""
        return self.base.scheme == "http" and not is_loopback(self.base.hostname)

    def request(self, method: str, path: str, body: Any = None) -> Answer:
        """`path` is below the base URL, with its query. Raises `NoAnswer`, also where the answer takes longer as a
        whole than `seconds`: a timeout of the socket begins anew with each byte."""
        outcome: list[Answer | NoAnswer] = []
        thread = threading.Thread(target=lambda: outcome.append(self._outcome(method, path, body)), daemon=True)
        thread.start()
        thread.join(self.seconds)
        found = outcome[0] if outcome else NoAnswer(self._why(TimeoutError()))
        if isinstance(found, NoAnswer):
            raise found
        return found

    def _outcome(self, method: str, path: str, body: Any) -> Answer | NoAnswer:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url(path), data, dict(self._headers), method=method)  # noqa: S310
        if data is None:
            request.remove_header("Content-type")
        try:
            try:
                answer = self._opener.open(request, timeout=self.seconds)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                return Answer(answer.status, answer.headers, answer.read(_LARGEST_BODY))
        except (OSError, HTTPException) as error:
            return NoAnswer(self._why(error))

    def _url(self, path: str) -> str:
        path, mark, query = path.partition("?")
        if self.base.query:
            mark, query = "?", f"{self.base.query}&{query}" if query else self.base.query
        root = urlunsplit((self.base.scheme, self.base.netloc, self.base.path.rstrip("/"), "", ""))
        return f"{root}{path}{mark}{query}"

    def _why(self, error: Exception) -> str:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return f"the certificate isn't trusted: {reason.verify_message}"
        if isinstance(reason, ssl.SSLError) and reason.reason in _NOT_TLS:
            return f"{self.base.netloc} doesn't answer with TLS: is it http, or another port?"
        if isinstance(reason, ssl.SSLError):
            return f"TLS fails: {reason.reason or reason}"
        if isinstance(reason, socket.gaierror):
            return f"the name {self.base.hostname} isn't known"
        if isinstance(reason, TimeoutError):
            return f"no answer within {self.seconds:g} seconds"
        if isinstance(reason, ConnectionRefusedError):
            return f"nothing listens at {self.base.netloc}"
        return f"the connection fails: {reason}"


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """The authorities in the file, else the system's. Raises `OSError`."""
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


def trusting_everybody() -> ssl.SSLContext:
    """For a server that is reached through Kubernetes, which has proven who it is: its certificate is for another."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_loopback(host: str | None) -> bool:
    return host == "localhost" or str(host).startswith("127.") or host == "::1"
