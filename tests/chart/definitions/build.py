"""Fetches the definitions of other projects' kinds that the chart can make, once per user.

    python -m tests.chart.definitions.build

They come from Go modules, which are pinned and verified; nothing of them is compiled.
"""

import sys
from pathlib import Path

from tests.support.go_programs import GoPrograms

DEFINITIONS = GoPrograms(
    Path(__file__).parent,
    (
        "monitoring.coreos.com_servicemonitors.yaml",
        "monitoring.coreos.com_podmonitors.yaml",
        "monitoring.coreos.com_prometheusrules.yaml",
        "gateway.networking.k8s.io_httproutes.yaml",
        "cert-manager.io_certificates.yaml",
        "cert-manager.io_issuers.yaml",
    ),
    make_target="helm",
    minutes=1,
)


if __name__ == "__main__":
    sys.exit(DEFINITIONS.main())
