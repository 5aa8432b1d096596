"""Builds once per user what checks files of others' formats, from the Go modules pinned beside this file.

actionlint reads workflows of GitHub Actions; glua is the Lua that Argo CD runs (gopher-lua); consumer is the example
in Go of an application that follows events.

python -m tests.checkers.build
"""

import sys
from pathlib import Path

from tests.support.go_programs import GoPrograms

CHECKERS = GoPrograms(Path(__file__).parent, ("actionlint", "glua"), make_target="checkers", minutes=1)
CONSUMER = GoPrograms(
    Path(__file__).parent,
    ("consumer",),
    make_target="checkers",
    minutes=1,
    sources=tuple(sorted((Path(__file__).parents[2] / "examples/consumers/go").iterdir())),
)


if __name__ == "__main__":
    sys.exit(CHECKERS.main() or CONSUMER.main())
