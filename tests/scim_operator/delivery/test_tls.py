"""Pushes over TLS to a real server, while authority, certificate and token are replaced."""

import asyncio
import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scim_operator.delivery import Authorities, AuthoritiesUnusable, Fault, ManagementClient, ManagementToken, Replica
from scim_operator.delivery.management import ReplicaUnreachable
from scim_server.app import Server, ServerSettings
from tests.control_plane.certificates import CertificateAuthority, KeyPair
from tests.scim_operator.delivery.bundles import bundle
from tests.support.migrated import make_sqlite
from tests.support.mounts import mount
from tests.support.until import until

NAME = "scim-server.scim-system.svc"
"""What certificates are for: the address of a pod can't stand in them."""


@dataclass
class Place:
    """The Secret as the operator and as the server have it mounted: not at the same moment."""

    directory: Path
    authority: CertificateAuthority = field(default_factory=CertificateAuthority)

    def __post_init__(self) -> None:
        self.give_operator(token=["first-token"], authorities=[self.authority])
        self.give_server(token=["first-token"], pair=self.authority.issue_server((NAME,), ()))

    def give_operator(self, token: list[str], authorities: list[CertificateAuthority]) -> None:
        content = b"".join(each.certificate for each in authorities)
        mount(self.directory / "operator", {"token": "\n".join(token).encode(), "ca.crt": content})

    def give_server(self, token: list[str], pair: KeyPair) -> None:
        files = {"token": "\n".join(token).encode(), "tls.crt": pair.certificate, "tls.key": pair.key}
        mount(self.directory / "server", files)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[ManagementClient]:
        folder = self.directory / "operator"
        async with ManagementClient(ManagementToken(folder / "token"), Authorities(folder / "ca.crt")) as client:
            yield client


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
async def server(place: Place) -> AsyncIterator[Server]:
    folder = place.directory / "server"
    settings = ServerSettings(
        make_sqlite(place.directory / "scim.db"),
        port=0,
        management_port=0,
        management_token_file=folder / "token",
        management_tls_cert=folder / "tls.crt",
        management_tls_key=folder / "tls.key",
    )
    async with Server(settings) as server:
        yield server


def replica(server: Server) -> Replica:
    return Replica(server.management_url, "a", tls_name=NAME)


async def test_all_is_replaced_under_pushes_and_none_fails(place: Place, server: Server) -> None:
    new = CertificateAuthority()
    old_pair, new_pair = place.authority.issue_server((NAME,), ()), new.issue_server((NAME,), ())
    pushed = 0

    async def push() -> None:
        nonlocal pushed
        async with place.client() as client:
            while True:
                answer = await client.put_config(replica(server), bundle(pushed + 1).encode())
                assert answer.revision == pushed + 1
                pushed += 1

    async def some_pushes() -> None:
        """Two: the first may have begun before."""
        wanted = pushed + 2
        await until(lambda: pushed >= wanted or pushing.done())

    pushing = asyncio.create_task(push())
    await some_pushes()
    old, both, last = ["first-token"], ["first-token", "second"], ["second"]
    for give in (
        partial(place.give_server, both, old_pair),
        partial(place.give_operator, old, [place.authority, new]),
        partial(place.give_server, both, new_pair),
        partial(place.give_operator, ["second", "first-token"], [new]),
        partial(place.give_server, last, new_pair),
        partial(place.give_operator, last, [new]),
    ):
        give()
        await some_pushes()
    pushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pushing


async def refusal(client: ManagementClient, replica: Replica) -> tuple[Fault, str]:
    with pytest.raises(ReplicaUnreachable) as refused:
        await client.get_status(replica)
    return refused.value.fault, str(refused.value)


async def test_what_is_refused_and_how_that_reads(place: Place, server: Server) -> None:
    async with place.client() as client:
        assert (await client.get_status(replica(server))).tenants == {}
        assert await refusal(client, Replica(server.management_url, "a")) == (
            Fault.CERTIFICATE_REFUSED,
            "its certificate is for another address",
        )
        other_name = Replica(server.management_url, "a", tls_name="other.scim-system.svc")
        assert (await refusal(client, other_name))[1] == "its certificate is for another name"
        plain = Replica(f"http://{urlsplit(server.management_url).netloc}", "a")
        assert await refusal(client, plain) == (Fault.WRONG_ANSWER, "GET /v1/status was answered 400")
        place.give_operator(["wrong", "first-token"], [place.authority])
        assert (await refusal(client, replica(server)))[0] == Fault.TOKEN_REFUSED
        place.give_operator(["first-token"], [CertificateAuthority()])
        assert await refusal(client, replica(server)) == (
            Fault.CERTIFICATE_REFUSED,
            "its certificate is of an authority that isn't trusted",
        )
    async with ManagementClient(ManagementToken(place.directory / "operator" / "token")) as client:
        assert (await refusal(client, replica(server)))[0] == Fault.CERTIFICATE_REFUSED


async def test_authorities_that_cannot_be_read_leave_those_before(
    place: Place, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    folder = place.directory / "operator"
    authorities = Authorities(folder / "ca.crt")
    async with ManagementClient(ManagementToken(folder / "token"), authorities) as client:
        mount(folder, {"token": b"first-token", "ca.crt": b"-----BEGIN CERT"})
        for _ in range(2):
            assert (await client.get_status(replica(server))).tenants == {}
        assert authorities.is_broken()
        (line,) = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
        assert line.endswith("ca.crt: certificates in PEM are expected; the authorities before it go on")
        place.give_operator(["first-token"], [place.authority])
        assert (await client.get_status(replica(server))).tenants == {}
        assert not authorities.is_broken()
    with pytest.raises(AuthoritiesUnusable, match="No such file"):
        Authorities(folder / "none")


async def test_the_commands_of_the_page_make_what_both_programs_take(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "run-the-operator.md"
    for command in re.findall(r"^\$ (openssl .*)$", page.read_text(), re.MULTILINE):
        await asyncio.to_thread(subprocess.run, command, check=True, shell=True, cwd=tmp_path, capture_output=True)
    names = ("token", "tls.crt", "tls.key", "ca.crt")
    token, certificate, key, authority = (tmp_path / name for name in names)
    settings = ServerSettings(
        make_sqlite(tmp_path / "scim.db"),
        port=0,
        management_port=0,
        management_token_file=token,
        management_tls_cert=certificate,
        management_tls_key=key,
    )
    async with (
        Server(settings) as server,
        ManagementClient(ManagementToken(token), Authorities(authority)) as client,
    ):
        assert (await client.put_config(replica(server), bundle(1).encode())).revision == 1


def test_the_context_asks_for_tls_1_2(place: Place) -> None:
    context = Authorities(place.directory / "operator" / "ca.crt").context()
    assert (context.minimum_version, context.verify_mode) == (ssl.TLSVersion.TLSv1_2, ssl.CERT_REQUIRED)
