"""What is installed in images and by `make run` has the versions that the tests run with."""

import re
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[1] / "requirements"
_ON_TOP = {"kind.txt": {"pytest-kind", "pykube-ng"}}


def versions(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("file", sorted(_FOLDER.glob("*.txt")), ids=lambda file: file.stem)
def test_every_file_has_the_versions_of_development(file: Path) -> None:
    tested = versions(_FOLDER / "dev.txt")
    pinned = {name: version for name, version in versions(file).items() if name not in _ON_TOP.get(file.name, ())}
    assert pinned
    assert pinned.items() <= tested.items()
