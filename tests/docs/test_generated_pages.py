"""The generated pages of the reference: current, complete, and each thing on them explained."""

import re

import pytest

from documentation.__main__ import PAGES, REFERENCE
from documentation.errors import STATUSES
from scim_server.http.openapi import document_of_any_tenant


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert PAGES[name]() == (REFERENCE / name).read_text(encoding="utf-8"), "run `make schemas`"


@pytest.mark.parametrize("name", ["conditions.md", "errors.md"])
def test_every_row_explains_something(name: str) -> None:
    rows = re.findall(r"^\| (.*) \|$", PAGES[name](), re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if row.split(" | ")[1].strip() == "" and not row.startswith(("404", "412"))] == []


def test_every_field_of_a_spec_is_explained() -> None:
    rows = re.findall(r"^\| (\*?\*?`\w+`\*?\*?) \| (.+) \| (.*) \|$", PAGES["custom-resources.md"](), re.MULTILINE)
    assert len(rows) > 100
    assert [name for name, _, what in rows if not what.strip()] == []


def test_every_refusal_of_the_openapi_document_is_on_the_page_of_errors() -> None:
    answered = {
        int(status)
        for path in document_of_any_tenant()["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
        for status in operation.get("responses", {})
    }
    assert {status for status in answered if status >= 400} == STATUSES.keys()
