"""The published JSON Schema of the contract. `python -m scim_server.config.schema [--check]` writes or checks it."""

import json
import sys
from pathlib import Path

from scim_server.config.bundles import ConfigBundle

SCHEMA_PATH = Path(__file__).with_name("server-config.schema.json")


def json_schema() -> str:
    """The JSON Schema (draft 2020-12) of a bundle, as it lies in the repository."""
    schema = ConfigBundle.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        if not SCHEMA_PATH.exists() or SCHEMA_PATH.read_text(encoding="utf-8") != json_schema():
            print(f"{SCHEMA_PATH.name} is out of date: run `make schemas`", file=sys.stderr)
            return 1
        return 0
    SCHEMA_PATH.write_text(json_schema(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
