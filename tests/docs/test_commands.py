"""The commands that the documentation shows, run as shown, and the output that it shows beside them."""

import os
import pty
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from benchmarks.measured import BENCHES
from tests.docs.blocks import PAGES, blocks
from tests.support.local_mode import SCIM_OPERATOR, RunningLocalMode, run_to_its_end
from tests.support.processes import kill_process, start_process, wait_until

ROOT = Path(__file__).parents[2]
SHOWN = sorted({command for block in blocks() if block.language == "console" for command in block.commands})
MAKE = [command for command in SHOWN if command.split()[0] == "make"]
PYTEST = [command for command in SHOWN if "-m pytest" in command]
KUBECTL = [command for command in SHOWN if "kubectl" in command]
QUICKSTART_DATA = ".local/quickstart"
ON_THE_QUICKSTART = [command for command in SHOWN if QUICKSTART_DATA in command]
OURS = [
    command
    for command in SHOWN
    if command.split()[0] == ".venv/bin/scim-operator" and command not in ON_THE_QUICKSTART
]


@pytest.mark.parametrize("command", MAKE)
def test_make_has_the_target(command: str) -> None:
    """What the targets do is run elsewhere: `make run` below by its program, `make test` is what runs this."""
    ended = subprocess.run(
        [*shlex.split(command), "--question", "--dry-run"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert "No rule" not in ended.stderr
    assert ended.returncode in (0, 1), ended.stderr
    if command.startswith("make bench ARGS="):
        assert command.partition("=")[2] in {bench.name for bench in BENCHES}


@pytest.mark.parametrize("command", PYTEST)
def test_pytest_finds_what_is_named(command: str) -> None:
    _, _, arguments = command.partition("-m pytest ")
    named = [argument for argument in shlex.split(arguments) if argument.startswith("tests")]
    assert named
    assert all((ROOT / path).exists() for path in named)


@pytest.mark.parametrize("command", OURS)
def test_our_own_commands_do_what_they_should(command: str, tmp_path: Path) -> None:
    arguments = shlex.split(command)[1:]
    if arguments[0] in ("validate", "render"):
        ended = run_to_its_end(*arguments, cwd=ROOT)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout
    else:
        path, *more = arguments[2:] if arguments[1] == "-f" else arguments[1:]
        assert arguments[0] == "local"
        with RunningLocalMode(ROOT / path, tmp_path / "data", *more) as running:
            running.wait_for(r"http://127\.0\.0\.1:\d+/\S+/scim/v2\b")
            assert running.stop() == 0


@pytest.mark.parametrize("command", KUBECTL)
def test_files_that_are_applied_exist(command: str) -> None:
    """The end-to-end test applies these same files and runs an operator with them."""
    for path in re.findall(r"-f ([^\s-]\S*)", command):
        assert (ROOT / path).exists()


def on_the_quickstart(commands: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run with its data in `tmp_path`, where other folders of `.local` are too."""
    commands = commands.replace(QUICKSTART_DATA, str(tmp_path / "data")).replace(".local/", f"{tmp_path}/")
    shell = ["bash", "-e", "-c", commands.replace(".venv/bin/scim-operator", str(SCIM_OPERATOR))]
    environment = os.environ | {"COLUMNS": "80", "TERM": "dumb"}
    return subprocess.run(shell, check=False, cwd=ROOT, capture_output=True, text=True, env=environment)


def unvarying(output: str) -> str:
    """Without times and ids."""
    output = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", "TIME", output)
    output = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}", "ID", output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


def test_the_readme_shows_what_make_run_prints(tmp_path: Path) -> None:
    """On a terminal, where Enter shows the table again."""
    log, data = tmp_path / "log", tmp_path / "data"
    keyboard, terminal = pty.openpty()
    command: list[str | Path] = [SCIM_OPERATOR, "quickstart", "--port", "0", "--data-dir", data]
    process = start_process(command, log=log, cwd=ROOT, stdin=terminal)
    wait_until(lambda: "begins anew." in log.read_text(), seconds=30, what="quickstart", process=process, log=log)
    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", log.read_text()).replace(str(data), ".local/quickstart")
    printed = re.sub(r"\d\d \w\w\w \d\d:\d\d:\d\d", "28 Nov 23:50:07", printed)
    shown = "\n".join(line.rstrip() for line in printed.splitlines()).strip("\n")
    assert shown in (ROOT / "README.md").read_text()

    for shown_command in ON_THE_QUICKSTART:
        if ".local/next" in shown_command:  # which a command of the README makes
            continue
        ended = on_the_quickstart(shown_command, tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout
    readme = (ROOT / "README.md").read_text()
    next_steps = re.findall(r"```console\n((?:\$ [^\n]*\n)+)```\n\n```text\n(.*?)```", readme, re.DOTALL)
    for commands, output in next_steps:
        if QUICKSTART_DATA in commands:
            ended = on_the_quickstart(commands.replace("$ ", ""), tmp_path)
            assert unvarying(ended.stdout) == unvarying(output), ended.stderr
    assert sum(QUICKSTART_DATA in commands for commands, _ in next_steps) == 3

    for who, answer in (("Write as a provider", "Joan Clarke"), ("Read as an application", "Joan Clarke")):
        lines = log.read_text().partition(who)[2].splitlines()[1:3]
        ended = subprocess.run("\n".join(lines), check=True, shell=True, cwd=ROOT, capture_output=True, text=True)
        assert answer in ended.stdout
    wait_until(lambda: "okta created Joan Clarke" in log.read_text(), seconds=30, what="the news", log=log)

    os.write(keyboard, b"\n")
    twice = re.compile("(?s)Katherine Johnson.*Katherine Johnson.*Last used")
    wait_until(lambda: twice.search(log.read_text()) is not None, seconds=30, what="the table", log=log)
    assert kill_process(process, signal.SIGINT) == 0
    os.close(keyboard)
    os.close(terminal)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("https://"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
