"""Builds once per user what checks files of others' formats, from the Go modules pinned beside this file.

actionlint reads workflows of GitHub Actions; glua is the Lua that Argo CD runs (gopher-lua).

python -m tests.checkers.build
"""

import sys
from pathlib import Path

from tests.support.go_programs import GoPrograms

CHECKERS = GoPrograms(Path(__file__).parent, ("actionlint", "glua"), make_target="checkers", minutes=1)


if __name__ == "__main__":
    sys.exit(CHECKERS.main())
