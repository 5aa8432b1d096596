"""The two trees: this one, and a commit unpacked into a folder with what it needs installed."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson

from benchmarks.load import encode_request
from tests.support.processes import kill_process, start_process, wait_until

_HERE = Path(__file__).resolve().parents[2]
_SIDE = Path(__file__).with_name("side.py")
_REQUIREMENTS = "requirements/dev.txt"


@dataclass(frozen=True, slots=True)
class Server:
    """A running installation of one tree."""

    url: str
    """The tenant's SCIM base URL."""
    headers: dict[str, str]
    ids: list[str]
    """Of the users that were loaded."""

    def request(self, method: str, path: str, document: Any = None) -> bytes:
        body = b"" if document is None else orjson.dumps(document)
        return encode_request(method, self.url + path, self.headers, body)


@dataclass(frozen=True, slots=True)
class Tree:
    """`python` has installed what the tree needs."""

    root: Path
    python: Path

    @contextmanager
    def serving(self, directory: Path, database_url: str, users: int = 0) -> Iterator[Server]:
        """Its server on the database, to which it has added so many users."""
        directory.mkdir(parents=True)
        log, answer = directory / "side.log", directory / "answer"
        process = start_process(
            [self.python, "-P", _SIDE, directory / "installation", database_url, str(users), answer],
            log=log,
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": f"{self.root}:{self.root / 'operator'}"},
            stdin=subprocess.PIPE,
        )
        try:
            wait_until(answer.exists, seconds=1800, what=f"scim-server of {self.root}", process=process, log=log)
            yield Server(**json.loads(answer.read_text()))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                kill_process(process)


def working_tree() -> Tree:
    return Tree(_HERE, Path(sys.executable))


def tree_of(commit: str, directory: Path) -> Tree:
    """Raises ValueError where there is no such commit.

    The interpreter is the same where both trees want the same packages; else `make setup` gives the commit its own.
    """
    packed = subprocess.run(["git", "archive", commit], cwd=_HERE, capture_output=True, check=False)
    if packed.returncode != 0:
        raise ValueError(packed.stderr.decode().strip())
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(directory, filter="data")
    if (directory / _REQUIREMENTS).read_bytes() == (_HERE / _REQUIREMENTS).read_bytes():
        return Tree(directory, Path(sys.executable))
    subprocess.run(["make", "setup"], cwd=directory, check=True)
    return Tree(directory, directory / ".venv/bin/python")
