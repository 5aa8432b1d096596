"""Builds Helm once per user, from the Go module pinned beside this file.

python -m tests.helm.build
"""

import sys
from pathlib import Path

from tests.support.go_programs import GoPrograms

HELM = GoPrograms(Path(__file__).parent, ("helm",), make_target="helm", minutes=2)


if __name__ == "__main__":
    sys.exit(HELM.main())
