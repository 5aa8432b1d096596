"""Every expression of the page gives what it says."""

import json
import re

import pytest

from scim_server.provisioning.expression_functions import LONGEST_TEXT, MOST_ELEMENTS
from scim_server.provisioning.expression_text import DEEPEST, FUNCTIONS, METHODS, MOST_TOKENS
from scim_server.provisioning.expressions import LONGEST_RESULT, compile_expression
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs/reference/attribute-mappings.md").read_text()
_ROW = re.compile(r"^\| `(.+)` \| (?:`(.+)`|nothing) \|$", re.MULTILINE)
ROWS = [(text.replace(r"\|", "|"), result) for text, result in _ROW.findall(PAGE)]


def _user() -> dict[str, object]:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    user: dict[str, object] = json.loads(block)
    return user


@pytest.mark.parametrize(("text", "result"), ROWS)
def test_an_expression_of_the_page(text: str, result: str) -> None:
    assert compile_expression(text).value(_user()) == (json.loads(result) if result else None)


def test_the_page_has_all_functions_and_the_bounds() -> None:
    assert len(ROWS) >= 25
    for name in (*FUNCTIONS, *METHODS):
        assert f"`{name}`" in PAGE
    for bound in (MOST_TOKENS, DEEPEST, LONGEST_TEXT, MOST_ELEMENTS, LONGEST_RESULT):
        assert f"{bound:,}" in PAGE
