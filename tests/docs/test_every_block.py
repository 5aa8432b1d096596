"""Every command and YAML block of the documentation is run or checked by a test, or is listed with the reason."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from scim_operator.manifests.definitions import schemas
from tests.control_plane.cluster import ControlPlane
from tests.docs.blocks import NOT_RUN, OF_PROXIES, ROOT, RUN, SHOWN_ONLY, YAML_NOT_CHECKED, Block, Rule, blocks
from tests.support.local_mode import run_to_its_end

BLOCKS = list(blocks())
COMMANDS = [(block.page, command) for block in BLOCKS if block.language == "console" for command in block.commands]
YAML = [block for block in BLOCKS if block.language == "yaml"]
OURS = "scim-operator.io/v1alpha1"


def test_every_block_says_what_it_is() -> None:
    known = {"console", "yaml", *OF_PROXIES, *SHOWN_ONLY}
    assert [(block.page, block.text) for block in BLOCKS if block.language not in known] == []


def test_every_command_is_run_by_a_test_or_listed_with_the_reason() -> None:
    rules = {command: [rule for rule in (*RUN, *NOT_RUN) if rule.holds(*command)] for command in COMMANDS}
    assert {command: found for command, found in rules.items() if len(found) != 1} == {}


def test_every_line_of_a_console_is_a_command_or_its_output() -> None:
    assert [block.page for block in BLOCKS if block.language == "console" and not block.text.startswith("$ ")] == []


def test_no_line_of_the_tables_is_left_over() -> None:
    unused = [rule for rule in (*RUN, *NOT_RUN) if not any(rule.holds(*command) for command in COMMANDS)]
    unused += [rule for rule in YAML_NOT_CHECKED if not any(rule.holds(block.page, block.text) for block in YAML)]
    assert unused == []


@pytest.mark.parametrize("rule", RUN, ids=lambda rule: f"{rule.page} {rule.begins}")
def test_the_test_that_runs_them_is_there_and_reads_the_page(rule: Rule) -> None:
    source = (ROOT / rule.what).read_text(encoding="utf-8")
    pages = {Path(page) for page, command in COMMANDS if rule.holds(page, command)}
    if rule.page != ".*" and "installation" not in rule.what:
        known = (rule.what.replace("_", "-"), source)
        assert [page for page in pages if not any(n in k for n in (page.stem, page.parent.name) for k in known)] == []


def test_manifests_of_our_kinds_are_valid(tmp_path: Path) -> None:
    """Those of a page together, with Secrets instead of those that its commands make."""
    pages: dict[str, list[dict[str, Any]]] = {}
    for block in YAML:
        ours = [item for item in _manifests(block) if item["apiVersion"] == OURS]
        if ours:
            pages.setdefault(block.page, []).extend(ours)
    assert len(pages) >= 9
    for page, objects in pages.items():
        file = tmp_path / f"{page.replace('/', '-')}.yaml"
        file.write_text(yaml.safe_dump_all([*objects, *_secrets(objects)]))
        ended = run_to_its_end("validate", "--strict", "-f", file)
        assert (ended.returncode, ended.stderr) == (0, ""), page


def test_manifests_of_kubernetes_itself_are_accepted(control_plane: ControlPlane, tmp_path: Path) -> None:
    for number, item in enumerate(item for block in YAML for item in _manifests(block) if _is_built_in(item)):
        item["metadata"].pop("namespace", None)
        file = tmp_path / f"{number}.yaml"
        file.write_text(yaml.safe_dump(item))
        control_plane.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", file)


def test_other_yaml_is_part_of_a_spec_or_listed_with_the_reason() -> None:
    for block in YAML:
        if _manifests(block) and all(item["apiVersion"] == OURS or _is_built_in(item) for item in _manifests(block)):
            continue
        reasons = [rule.what for rule in YAML_NOT_CHECKED if rule.holds(block.page, block.text)]
        if reasons:
            assert len(reasons) == 1
        else:
            _check_part(block)


def _manifests(block: Block) -> list[dict[str, Any]]:
    """The objects of a block, if it is nothing but objects."""
    documents = [document for document in yaml.safe_load_all(block.text) if document is not None]
    whole = all(isinstance(document, dict) and {"apiVersion", "kind"} <= document.keys() for document in documents)
    return documents if whole else []


def _is_built_in(item: dict[str, Any]) -> bool:
    group = item["apiVersion"].rpartition("/")[0]
    return group in ("", "apps", "autoscaling", "batch", "networking.k8s.io", "policy")


def _secrets(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the page's commands make: each Secret that is referred to, with the keys."""
    keys: dict[tuple[str, str], set[str]] = {}
    for item in objects:
        for reference in _references(item):
            keys.setdefault((item["metadata"]["namespace"], reference["name"]), set()).add(reference["key"])
    for (namespace, name), found in keys.items():
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": namespace, "name": name},
            "stringData": {key: f"a-token-of-the-test-{namespace}-{name}-{key}" for key in found},
        }


def _references(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "secretRef":
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _check_part(block: Block) -> None:
    """A block that shows some fields of a spec, or values of the chart: they are there, and take these values."""
    part = yaml.safe_load(block.text)
    assert isinstance(part, dict), block.page
    values = json.loads((ROOT / "charts/scim-operator/values.schema.json").read_text(encoding="utf-8"))
    specs = [schema["properties"]["spec"] for schema in schemas().values()]
    fitting = [schema for schema in (*specs, values) if part.keys() <= schema["properties"].keys()]
    assert fitting, f"{block.page}: neither manifests nor part of anything, and not listed:\n{block.text}"
    for name, value in part.items():
        jsonschema.validate(value, _closed(fitting[0]["properties"][name]))


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, which refuses fields that it doesn't know."""
    closed = dict(schema)
    if "properties" in schema:
        closed["properties"] = {name: _closed(field) for name, field in schema["properties"].items()}
        closed["additionalProperties"] = False
    if "items" in schema:
        closed["items"] = _closed(schema["items"])
    return closed
