"""The chart's values: the table that its own README has, which is generated from values.yaml."""

from pathlib import Path

from documentation.markdown import GENERATED

_README = Path(__file__).parents[1] / "charts" / "scim-operator" / "README.md"
_BEGIN, _END = "<!-- values -->", "<!-- end of values -->"

_INTRODUCTION = """\
# Chart values

All values of the chart `charts/scim-operator`: [how to install it](../how-to/install.md). Helm refuses values that
aren't here, and of another type.
"""


def page() -> str:
    _, _, after = _README.read_text(encoding="utf-8").partition(_BEGIN)
    table, end, _ = after.partition(_END)
    if not end:
        raise ValueError(f"{_README.name} has no table between {_BEGIN} and {_END}")
    return "\n".join([GENERATED, _INTRODUCTION, table.strip() + "\n"])
