"""The page for applications: its commands, run in order against the quick start, and the answer that it shows."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.local_mode import EFFECTIVE, RunningLocalMode

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "read-users-and-roles.md").read_text(encoding="utf-8")


def shown(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Each command with what it printed."""
    data = tmp_path_factory.mktemp("quickstart") / "data"
    lines = [line for block in shown("console") for line in block.splitlines()]
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    with RunningLocalMode(ROOT / "examples" / "quickstart", data, "-o", "json", command="quickstart") as running:
        document = json.loads(running.wait_for(r"(?m)^\{.*\}$")[0])
        script = "".join(f"{command}\nprintf '\\036'\n" for command in commands)
        script = script.replace("http://127.0.0.1:8080/acme/okta/scim/v2", document["baseURL"])
        ended = subprocess.run(["bash", "-eu", "-c", script], check=True, capture_output=True, text=True, timeout=60)
    printed = ended.stdout.split("\036")
    return [(command, answer.strip()) for command, answer in zip(commands, printed, strict=False)]


def test_each_command_answers(answers: list[tuple[str, str]]) -> None:
    for command, answer in answers:
        if command.startswith("curl") and "http_code" in command:
            assert answer == "304"
        elif command.startswith("curl"):
            assert json.loads(answer)["totalResults"] >= 1, command


def test_the_answer_is_the_one_that_is_shown(answers: list[tuple[str, str]]) -> None:
    [block] = shown("json")
    expected = json.loads("{" + block + "}")
    user = next(json.loads(answer) for command, answer in answers if "userName eq" in command and answer)
    [found] = user["Resources"]
    for effective in (expected[EFFECTIVE], found[EFFECTIVE]):
        for role in effective["roles"]:
            role["since"] = ""
    assert found[EFFECTIVE] == expected[EFFECTIVE]


def test_the_developers_are_those_of_the_quick_start(answers: list[tuple[str, str]]) -> None:
    answer = next(json.loads(answer) for command, answer in answers if "developer" in command)
    assert {user["userName"].partition(".")[0] for user in answer["Resources"]} == {"ada", "grace", "katherine"}


def test_everybody_is_listed(answers: list[tuple[str, str]]) -> None:
    answer = next(json.loads(answer) for command, answer in answers if "cursor=" in command)
    assert answer["totalResults"] == len(answer["Resources"]) == 6
    assert all(EFFECTIVE in user for user in answer["Resources"])
