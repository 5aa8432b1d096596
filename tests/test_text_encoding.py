"""Files are UTF-8 whatever the locale is, and no locale ends a program.

Python's default is the locale's encoding. Linters see a call without `encoding` only where they know the type, so the
source is looked through by name here.
"""

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.local_mode import SCIM_OPERATOR
from tests.support.processes import kill_process, start_process, wait_until

ROOT = Path(__file__).parents[1]
SOURCES = sorted(file for folder in ("operator", "scim_server", "tools") for file in (ROOT / folder).rglob("*.py"))
BARE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale that knows ASCII alone, and a Python that doesn't make up for it."""

_TEXT_METHODS = frozenset(("read_text", "write_text"))
_TEXT_ARGUMENTS = frozenset(("text", "universal_newlines"))


def calls_without_an_encoding(source: str) -> Iterator[str]:
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        given = {keyword.arg for keyword in call.keywords}
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        built_in = isinstance(call.func, ast.Name) and call.func.id == "open"
        text = method in _TEXT_METHODS or (built_in and "b" not in ast.unparse(call).partition(",")[2])
        if (text or given & _TEXT_ARGUMENTS) and "encoding" not in given:
            yield f"line {call.lineno}: {ast.unparse(call)}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("path.read_text()", True),
        ("path.write_text(text)", True),
        ("open(path)", True),
        ("open(path, 'w')", True),
        ("subprocess.run(x, text=True)", True),
        ("path.read_text(encoding='utf-8')", False),
        ("open(path, 'rb')", False),
        ("subprocess.run(x)", False),
    ],
)
def test_such_calls_are_found(source: str, found: bool) -> None:
    assert (list(calls_without_an_encoding(source)) != []) is found


def test_every_text_file_is_read_and_written_with_an_encoding() -> None:
    assert len(SOURCES) > 200
    found = {
        str(file.relative_to(ROOT)): calls
        for file in SOURCES
        if (calls := list(calls_without_an_encoding(file.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_manifests_with_any_name_are_checked_in_an_ascii_locale(tmp_path: Path) -> None:
    file = tmp_path / "größe.yaml"
    file.write_text("apiVersion: scim-operator.io/v1alpha1\nkind: Rolemäpping\n", encoding="utf-8")

    def ended(*arguments: str) -> tuple[int, str]:
        log = tmp_path / f"{len(arguments)}.log"
        process = start_process([SCIM_OPERATOR, "validate", *arguments, tmp_path], log=log, env=os.environ | BARE)
        return process.wait(timeout=60), log.read_text(encoding="utf-8")

    for arguments in ((), ("-o", "json"), ("-o", "github", "--strict")):
        status, said = ended(*arguments)
        assert status == 1, said
        assert "Traceback" not in said
        assert "gr" in said


def test_the_quick_start_runs_in_an_ascii_locale(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command: list[str | Path] = [SCIM_OPERATOR, "quickstart", "--port", "0", "--data-dir", tmp_path / "data"]
    process = start_process([*command, "-o", "json"], log=log, cwd=ROOT, env=os.environ | BARE)

    def documents() -> list[dict[str, Any]]:
        lines = log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    wait_until(lambda: bool(documents()), seconds=120, what="the users", process=process, log=log)
    assert len(documents()[0]["users"]) == 6
    kill_process(process)

    table = start_process(command, log=log, cwd=ROOT, env=os.environ | BARE)
    wait_until(
        lambda: "begins anew." in log.read_text(encoding="utf-8"),
        seconds=120,
        what="the table",
        process=table,
        log=log,
    )
    assert "Katherine Johnson" in log.read_text(encoding="utf-8")
    kill_process(table)
