"""Runs in a pod, with nothing but Python's standard library. What it does is its first argument:

relay PORT HOST PORT      passes connections on to a Service, so that one port-forward reaches all pods behind it
load HOST PORT PATH TOKEN sends SCIM requests over kept connections until /tmp/stop is there, and prints what failed
"""

import asyncio
import contextlib
import http.client
import itertools
import json
import sys
import threading
from pathlib import Path
from urllib.parse import quote

_THREADS = 8
_LEAST = 5_000
"""Requests, also when nobody needs as many."""
_STOP = Path("/tmp/stop")
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


async def relay(port: int, host: str, to_port: int) -> None:
    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_service, to_service = await asyncio.open_connection(host, to_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, to_service), copy(from_service, writer))

    server = await asyncio.start_server(accept, "0.0.0.0", port)
    await server.serve_forever()


class Load:
    """No request is sent twice: what a client of this kind would see as an error is counted as one."""

    def __init__(self, host: str, port: int, path: str, token: str) -> None:
        self._address = (host, port)
        self._path = path
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
        self._sent = itertools.count(1)
        self._count = 0
        self.users = 0
        self.failures: list[str] = []

    def requests(self) -> int:
        return next(self._sent) - 1

    def run(self) -> None:
        threads = [threading.Thread(target=self._work, args=(index,)) for index in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, index: int) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        for number in itertools.count():
            if self._count >= _LEAST and _STOP.exists():
                return
            name = f"load-{index}-{number}@acme.example"
            user = {"schemas": [_USER], "userName": name, "active": True}
            created = self._call(connection, "POST", "/Users", user, 201)
            if created is None:
                continue
            self.users += 1
            one = f"/Users/{created['id']}"
            change = {"schemas": [_PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
            self._call(connection, "GET", one, None, 200)
            self._call(connection, "PATCH", one, change, 200)
            by_name = quote(f'userName eq "{name}"')
            found = self._call(connection, "GET", f"/Users?filter={by_name}", None, 200)
            if found is not None and found["totalResults"] != 1:
                self.failures.append(f"{name} was created and isn't found")

    def _call(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: object, expected: int
    ) -> dict[str, object] | None:
        self._count = next(self._sent)
        try:
            connection.request(method, self._path + path, json.dumps(body) if body else None, self._headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{method} {path}: {error!r}")
            connection.close()
            return None
        if answer.status != expected:
            self.failures.append(f"{method} {path}: {answer.status} {content[:300]!r}")
            return None
        decoded: dict[str, object] = json.loads(content)
        return decoded


def main(command: str, *arguments: str) -> None:
    if command == "relay":
        port, host, to_port = arguments
        asyncio.run(relay(int(port), host, int(to_port)))
    else:
        host, port, path, token = arguments
        load = Load(host, int(port), path, token)
        load.run()
        print(json.dumps({"requests": load.requests(), "users": load.users, "failures": load.failures[:20]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
