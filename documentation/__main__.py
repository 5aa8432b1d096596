"""`python -m documentation [--check]`: write the generated pages, or say which are out of date."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from documentation import chart_values, commands, conditions, custom_resources, errors, metrics

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "custom-resources.md": custom_resources.page,
    "commands.md": commands.page,
    "conditions.md": conditions.page,
    "errors.md": errors.page,
    "chart-values.md": chart_values.page,
    "metrics.md": metrics.page,
}


def main() -> int:
    outdated = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if "--check" in sys.argv[1:]:
            outdated.append(path.name)
        else:
            path.write_text(text, encoding="utf-8")
    for name in outdated:
        print(f"docs/reference/{name} is out of date: run `make schemas`", file=sys.stderr)
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main())
