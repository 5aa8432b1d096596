"""The table of the operator's options in its page, beside what `scim-operator run --help` prints."""

import re
from pathlib import Path

from tests.support.local_mode import run_to_its_end

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-the-operator.md"


def test_the_table_has_each_option_of_the_help_and_no_other() -> None:
    helped = run_to_its_end("run", "--help").stdout
    options = {option for line in re.findall(r"(?m)^  (-.*)$", helped) for option in re.findall(r"--[a-z-]+", line)}
    [table] = re.findall(r"\| option \| what \|\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"))
    first_column = [row.split("|")[1] for row in table.splitlines()]

    assert {option for cell in first_column for option in re.findall(r"--[a-z-]+", cell)} - {"---"} == options - {
        "--help"
    }
    assert len(options) > 15


def test_every_option_has_the_environment_variable_of_its_name() -> None:
    helped = run_to_its_end("run", "--help").stdout
    sections = re.split(r"(?m)^  --", helped)[1:]

    for section in sections[:-1]:
        name = re.split(r"[ \n]", section)[0]
        assert f"SCIM_OPERATOR_{name.upper().replace('-', '_')}" in section
