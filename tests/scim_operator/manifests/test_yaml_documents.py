from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_operator.manifests.yaml_documents import Document, YamlError, parse_documents


def value(text: str) -> Any:
    [document] = parse_documents(text)
    return document.value


# What kubectl 1.37 prints for each with `create --dry-run=client -o json`.
SCALARS = [
    ("y", True),
    ("yes", True),
    ("on", True),
    ("TRUE", True),
    ("No", False),
    ("off", False),
    ("~", None),
    ("null", None),
    ("Null", None),
    ("010", 8),
    ("0o10", 8),
    ("0x1F", 31),
    ("0b11", 3),
    ("1_000", 1000),
    ("+1", 1),
    ("-0", 0),
    ("08", 8),
    ("1e3", 1000),
    ("12e03", 12000),
    (".5", 0.5),
    ("1.", 1),
    ("-1.5", -1.5),
    ("1_0.5", 10.5),
    ("1:30", "1:30"),
    ("2026-11", "2026-11"),
    ("2026-11-01", "2026-11-01"),
    ("2027-05-01T00:00:00Z", "2027-05-01T00:00:00Z"),
    ("1e", "1e"),
    ("0x", "0x"),
    ("=", "="),
    ('"yes"', "yes"),
    ("'5'", "5"),
    ("!!str 5", "5"),
    ("!!int 5", 5),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_scalars_are_what_kubectl_makes_of_them(text: str, expected: Any) -> None:
    found = value(f"a: {text}")["a"]

    assert found == expected
    assert isinstance(found, bool) == isinstance(expected, bool)


def test_block_scalars_are_strings() -> None:
    assert value("a: |\n  5\nb: >-\n  yes\n  no\n") == {"a": "5\n", "b": "yes no"}


def test_keys_are_strings() -> None:
    assert value("1: a\non: b\n'on': c\n") == {"1": "a", "true": "b", "on": "c"}


def test_several_documents_and_empty_ones() -> None:
    documents = parse_documents("# nothing\n---\na: 1\n---\n---\nb: 2\n...\n")

    assert [document.value for document in documents] == [{"a": 1}, {"b": 2}]
    assert [document.line for document in documents] == [3, 6]


def test_every_field_has_its_line() -> None:
    [document] = parse_documents("a:\n  b: 1\n  c:\n  - x\n  - d: {e: 2}\n")

    assert document.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
        ("a", "c", 1, "d"): 5,
        ("a", "c", 1, "d", "e"): 5,
    }


def test_aliases_and_merge_keys() -> None:
    assert value("a: &x {b: 1, c: 2}\nd: *x\ne: {<<: *x, c: 3}\nf: {<<: [{g: 1}, {g: 2, h: 3}]}\n") == {
        "a": {"b": 1, "c": 2},
        "d": {"b": 1, "c": 2},
        "e": {"b": 1, "c": 3},
        "f": {"g": 1, "h": 3},
    }


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [1, 2\nc: 3", 3, "did not find expected|expected ',' or"),
        ("a: 1\na: 2\n", 2, "the key 'a' stands twice"),
        ("a:\n- *nowhere\n", 2, r"the alias \*nowhere is not defined"),
        ("a: &x\n- *x\n", 2, r"the alias \*x holds itself"),
        ("a: 1\nb: !secret x\n", 2, "the tag !secret is not supported"),
        ("a: !!python/object:os.system {}\n", 1, "the tag .* is not supported"),
        ("a: !!int x\n", 1, "not of the type"),
        ("a: 1\n{b: 1}: 2\n", 2, "a key must be a string"),
        ("a: 1\n\x01: 2\n", 2, "not allowed"),
        ("a: {<<: 1}", 1, "a mapping is expected after <<"),
        ("[" * 101, 1, "nested more than 100 levels"),
    ],
)
def test_an_error_has_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(YamlError, match=message) as caught:
        parse_documents(text)

    assert caught.value.line == line


def test_a_few_aliases_can_not_ask_for_billions_of_values() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        bomb += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"

    with pytest.raises(YamlError, match="more than 200000 values"):
        parse_documents(bomb)


def test_aliases_can_not_nest_without_end() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 120))

    with pytest.raises(YamlError, match="nested more than 100 levels"):
        parse_documents(chain)


@given(st.text(alphabet="abz01:-&*<?|>!%@`#,[]{}\"' \n\t~.\x00é", max_size=60))
def test_whatever_the_text_nothing_else_is_raised(text: str) -> None:
    try:
        documents = parse_documents(text)
    except YamlError as error:
        assert error.line >= 1  # noqa: PT017 - either outcome is right
    else:
        assert all(isinstance(document, Document) for document in documents)
