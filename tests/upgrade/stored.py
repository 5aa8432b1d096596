"""What `databases/NAME/` holds: a dump and its answers for each kind of database, compressed text."""

import gzip
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "databases"
NAMES = sorted(folder.name for folder in _FOLDER.iterdir()) if _FOLDER.is_dir() else []


@dataclass(frozen=True)
class Filled:
    """`at`: when it was filled, and its answers were given."""

    at: datetime
    dump: str
    answers: list[dict[str, Any]]

    def write(self, name: str, kind: str) -> None:
        folder = _FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        _compress(folder / f"{kind}.sql.gz", self.dump)
        _compress(folder / f"{kind}.json.gz", json.dumps({"at": self.at.isoformat(), "answers": self.answers}))


def read_filled(name: str, kind: str) -> Filled:
    folder = _FOLDER / name
    found = json.loads(_decompress(folder / f"{kind}.json.gz"))
    return Filled(datetime.fromisoformat(found["at"]), _decompress(folder / f"{kind}.sql.gz"), found["answers"])


def _compress(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _decompress(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()
