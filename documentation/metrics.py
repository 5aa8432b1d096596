"""The tables of metrics in docs/reference/metrics.md, from where the two programs make their metrics."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from documentation.markdown import code, table, text
from scim_operator.reconcile import metrics as operator
from scim_server import metrics as server

_PAGE = Path(__file__).parents[1] / "docs" / "reference" / "metrics.md"
_KINDS = {
    "Counter": ("counter", "_total"),
    "CounterMetricFamily": ("counter", "_total"),
    "Gauge": ("gauge", ""),
    "GaugeMetricFamily": ("gauge", ""),
    "Histogram": ("histogram", ""),
    "Info": ("gauge", "_info"),
}
"""What Prometheus shows of each class: type, and what is put behind the name."""


def page() -> str:
    shown = _PAGE.read_text(encoding="utf-8")
    for program, module in (("server", server), ("operator", operator)):
        rows = table(["Metric", "Type", "Labels", "Meaning"], _rows(module))
        shown, count = re.subn(
            rf"(<!-- metrics of the {program} -->\n).*?(?=<!-- end of metrics -->)",
            lambda found, rows=rows: f"{found[1]}\n{rows}\n",  # type: ignore[misc]
            shown,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"{_PAGE.name} has no place for the metrics of the {program}")
    return shown


def _rows(module: ModuleType) -> Iterator[list[str]]:
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: call.lineno):
        if isinstance(call.func, ast.Name) and call.func.id in _KINDS:
            kind, suffix = _KINDS[call.func.id]
            name, meaning = (str(ast.literal_eval(argument)) for argument in call.args[:2])
            labels = ", ".join(code(label) for label in _labels(call, calls))
            yield [code(name + suffix), kind, labels, text(meaning)]


def _labels(call: ast.Call, calls: list[ast.Call]) -> list[str]:
    """Those that it is made with; of an Info, those of the call `.info({…})` on it."""
    given = [
        *call.args[2:3],
        *(keyword.value for keyword in call.keywords if keyword.arg in ("labels", "labelnames")),
    ]
    of_info = [other.args[0] for other in calls if isinstance(other.func, ast.Attribute) and other.func.value is call]
    given += [ast.List([key for key in node.keys if key]) for node in of_info if isinstance(node, ast.Dict)]
    return [str(label) for node in given for label in ast.literal_eval(node)]
