"""What the SCIM reference says about limits of documents, filters and PATCH, against the code."""

from pathlib import Path

from scim_server.scim.filter import parser
from scim_server.scim.patch import document
from scim_server.scim.resource import DEFAULT_LIMITS

REFERENCE = (Path(__file__).parents[2] / "docs/reference/scim.md").read_text()


def test_the_numbers_are_those_of_the_code() -> None:
    _, _, limits = " ".join(REFERENCE.split()).partition("## Limits")
    for number in (
        f"{DEFAULT_LIMITS.key_length} characters for what is looked up",
        f"{DEFAULT_LIMITS.string_length:,} for any other string",
        f"{DEFAULT_LIMITS.elements:,} elements of a multi-valued attribute",
        f"{parser.MAX_LENGTH:,} characters, {parser.MAX_TERMS} comparisons, {parser.MAX_DEPTH} levels",
        f"a path that selects members may have {parser.MAX_PATH_LENGTH:,} characters",
        f"{document.MAX_OPERATIONS:,} changes of a document, and {document.MAX_STEPS:,} steps",
    ):
        assert number in limits
