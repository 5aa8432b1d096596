"""Writes what is made from other files: the chart's schema, table of values, definitions, plain RBAC, and renders.

    python -m tests.chart.generate

A test compares them with what this would write.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.chart.values_file import read_values, schema_of, table_of
from tests.helm.build import HELM
from tests.helm.helm import CHART, Helm
from tests.support.go_programs import GoBuildError

ROOT = CHART.parents[1]
CASES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
"""Values of the renders that are kept, each in a namespace of the file's name."""
GOLDEN = Path(__file__).parent / "golden"
"""What Helm makes of them, without the definitions."""
NAMESPACE = "scim-system"

_TABLE = re.compile(r"(?<=<!-- values -->\n).*(?=<!-- end of values -->)", re.DOTALL)
_SOURCE_LINE = re.compile(r"^# Source: .*\n", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n\n+(?=---|$)")
_LABELS = re.compile(r"^  labels:\n(    .*\n)+", re.MULTILINE)
_MADE = re.compile(r"^(  (?:token|ca\.crt|ca\.key|tls\.crt|tls\.key)): .+$", re.MULTILINE)
_MADE_AT = re.compile(r"(?<=certificate-made: )\"\d+\"")
_RBAC = {
    "custom-resources.yaml": (),
    "own-namespace.yaml": ("--set=config.configMapName=scim-server-config,config.secretName=scim-server-secrets",),
    "secret-watch.yaml": (),
    "serviceaccount.yaml": (),
}


def generated_files(helm: Helm) -> Iterator[tuple[Path, str]]:
    values = read_values(CHART)
    yield CHART / "values.schema.json", json.dumps(schema_of(values), indent=2, ensure_ascii=False) + "\n"
    readme = CHART / "README.md"
    table = table_of(values)
    yield readme, _TABLE.sub(lambda _: f"\n{table}\n\n", readme.read_text(encoding="utf-8"))
    definitions = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "crds").glob("*.yaml"))]
    yield CHART / "files" / "crds.yaml", "---\n".join(definitions)
    for name, options in _RBAC.items():
        yield CHART / "rbac" / name, _plain(helm, name, options)
    for case in CASES:
        text = helm.template("--set=crds.enabled=false", values=[case], namespace=namespace_of(case))
        yield GOLDEN / case.name, _MADE_AT.sub('"0"', _MADE.sub(r"\1: bWFkZQ==", _SOURCE_LINE.sub("", text)))


def namespace_of(case: Path) -> str:
    return f"scim-{case.stem}"


def _plain(helm: Helm, name: str, options: tuple[str, ...]) -> str:
    """A template of the operator's as a manifest for kubectl, with the namespace and names that the pages use."""
    shown = f"--show-only=templates/operator/{name}"
    text = helm.template(shown, *options, release="scim-operator", namespace=NAMESPACE)
    return _BLANK_LINES.sub("\n", _LABELS.sub("", _SOURCE_LINE.sub("", text))).removeprefix("---\n")


def main() -> int:
    try:
        program = HELM.built() / "helm"
    except GoBuildError as error:
        print(error, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as directory:
        helm = Helm(program, Path(directory))
        # One after the other: renders are checked by the schema.
        for path, text in generated_files(helm):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
