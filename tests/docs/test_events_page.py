"""The page about events against the schema of events, and that against the types that there are."""

import re
from pathlib import Path
from typing import Any

from scim_server.directory.feed import DEFAULT_LIMIT, LONGEST_WAIT_SECONDS, MOST_EVENTS
from scim_server.http.openapi import document_of_any_tenant
from scim_server.provisioning.cause import CauseKind
from scim_server.provisioning.events import EventType
from scim_server.provisioning.lifecycle import State

PAGE = (Path(__file__).parents[2] / "docs/reference/events.md").read_text(encoding="utf-8")
DOCUMENT = document_of_any_tenant()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OWN_FIELDS = "fields of its own"


def _kinds() -> list[dict[str, Any]]:
    return [SCHEMAS[kind["$ref"].rpartition("/")[2]] for kind in SCHEMAS["Event"]["oneOf"]]


def test_the_schema_has_every_type_once() -> None:
    types = [type_ for kind in _kinds() for type_ in kind["properties"]["type"]["enum"]]
    assert sorted(types) == sorted(EventType)
    assert {*SCHEMAS["EventCause"]["properties"]["kind"]["enum"]} == {*CauseKind}
    assert {*SCHEMAS["EventUser"]["properties"]["state"]["enum"]} == {*State}


def test_the_page_has_every_type_with_its_fields() -> None:
    rows = {row[1]: row[2] for row in re.finditer(r"^\| `(\w+\.\w+)` \|.*\| ([^|]*) \|$", PAGE, re.MULTILINE)}
    common = {*re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Fields")[2], re.MULTILINE)}
    for kind in _kinds():
        properties = kind["properties"].keys()
        assert common <= properties
        for type_ in kind["properties"]["type"]["enum"]:
            if not kind["additionalProperties"]:
                optional = set() if type_ == EventType.USER_CREATED else {"previousId"}
                assert {*re.findall(r"`(\w+)`", rows[type_])} - {"externalId"} == properties - common - optional
            else:
                assert rows[type_] == OWN_FIELDS
    assert rows.keys() == {*EventType}


def test_the_page_has_the_parameters_bounds() -> None:
    parameters = {one["name"]: one["schema"] for one in DOCUMENT["paths"]["/events"]["get"]["parameters"]}
    limit, wait = parameters["limit"], parameters["wait"]
    assert (limit["default"], limit["maximum"], wait["maximum"]) == (DEFAULT_LIMIT, MOST_EVENTS, LONGEST_WAIT_SECONDS)
    assert f"1 to {MOST_EVENTS:,}, {DEFAULT_LIMIT} by default" in PAGE
    assert f"seconds, up to {LONGEST_WAIT_SECONDS}" in PAGE
