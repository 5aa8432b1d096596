"""An issuer of signed tokens: real keys, and a real HTTP server for its key set that can be slow, huge or down."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, get_default_algorithms
from jwt.utils import base64url_encode

from scim_server.config import PublicJwk, parse_key_set

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_FAMILIES: dict[str, Any] = {
    "RS": lambda: rsa.generate_private_key(65537, 2048),
    "PS": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@dataclass(frozen=True)
class Key:
    """A private key with its id and the algorithm that it signs with."""

    kid: str
    algorithm: str
    private: PrivateKey = field(repr=False)

    @classmethod
    def new(cls, kid: str, algorithm: str = "RS256") -> "Key":
        make = _FAMILIES.get(algorithm) or _FAMILIES[algorithm[:2]]
        return cls(kid, algorithm, make())

    @property
    def public(self) -> dict[str, Any]:
        """The public key as its issuer publishes it: without `alg`, as Microsoft Entra ID does."""
        writer: Any = {"R": RSAAlgorithm, "P": RSAAlgorithm, "E": ECAlgorithm}[self.algorithm[0]]
        if self.algorithm == "EdDSA":
            writer = OKPAlgorithm
        written: dict[str, Any] = writer.to_jwk(self.private.public_key(), as_dict=True)
        written.pop("key_ops", None)
        return written | {"kid": self.kid, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A compact JWS, right or wrong. `header` adds to, or replaces, its members; None leaves one out."""
        members = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid} | header
        written = {name: value for name, value in members.items() if value is not None}
        signed = f"{encode(written)}.{encode(claims)}"
        signature = get_default_algorithms()[self.algorithm].sign(signed.encode(), self.private)
        return f"{signed}.{base64url_encode(signature).decode()}"


def encode(document: Any) -> str:
    """A part of a compact JWS."""
    return base64url_encode(json.dumps(document).encode()).decode()


def jwks(*keys: Key) -> tuple[PublicJwk, ...]:
    return parse_key_set(json.dumps({"keys": [key.public for key in keys]}).encode())


@dataclass(frozen=True)
class FromNow:
    """A time in claims, by its distance from when they are made: a test may run long after it was collected."""

    seconds: int


def claims_of(issuer: str, audience: str, **changes: Any) -> dict[str, Any]:
    """Claims that are good for five minutes. A change to None leaves the claim out."""
    now = int(time.time())
    claims = {"iss": issuer, "aud": audience, "sub": "client", "iat": now, "nbf": now, "exp": now + 300} | changes
    return {
        name: now + value.seconds if isinstance(value, FromNow) else value
        for name, value in claims.items()
        if value is not None
    }


@dataclass
class KeyServer:
    """Answers with `keys`, as they are at the time; counts the requests."""

    keys: list[Key]
    url: str = ""
    requests: int = 0
    status: int = 200
    body: bytes | None = None
    """Instead of the keys."""
    headers: dict[str, str] = field(default_factory=dict)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: answers wait."""

    async def answer(self, _: web.Request) -> web.Response:
        self.requests += 1
        self.asked.set()
        await self.gate.wait()
        body = self.body
        if body is None:
            body = json.dumps({"keys": [key.public for key in self.keys]}).encode()
        return web.Response(body=body, status=self.status, headers=self.headers, content_type="application/json")


@asynccontextmanager
async def key_server(*keys: Key) -> AsyncIterator[KeyServer]:
    """A key server on a free port of the loopback interface."""
    server = KeyServer(list(keys))
    server.gate.set()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/keys"
    try:
        yield server
    finally:
        server.gate.set()
        await runner.cleanup()
