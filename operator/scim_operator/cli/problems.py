"""`validate -o json`: the problems as a document. Its form is documented in docs/how-to/local-mode.md."""

import json
from typing import Any

from scim_operator.manifests import CLUSTER_SCOPED, Finding, Manifests, Severity


def as_json(manifests: Manifests, *, valid: bool) -> str:
    """In ASCII: what is not goes as an escape, so that no terminal and no character set is in the way."""
    by_severity = {
        severity: [_problem(finding) for finding in manifests.findings if finding.severity is severity]
        for severity in Severity
    }
    return json.dumps(
        {
            "valid": valid,
            "counts": {
                "objects": len(manifests.sources),
                "errors": len(by_severity[Severity.ERROR]),
                "warnings": len(by_severity[Severity.WARNING]),
            },
            "problems": [*by_severity[Severity.ERROR], *by_severity[Severity.WARNING]],
            "notes": by_severity[Severity.NOTE],
        },
        indent=2,
    )


def _problem(finding: Finding) -> dict[str, Any]:
    namespace = finding.key.namespace
    return {
        "severity": finding.severity.value,
        "file": finding.file,
        "line": finding.line,
        "kind": finding.kind or None,
        "namespace": None if namespace == CLUSTER_SCOPED else namespace or None,
        "name": finding.key.name or None,
        "field": finding.field or None,
        "message": finding.message,
    }
