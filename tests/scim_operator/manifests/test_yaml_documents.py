import json
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

    assert [
        document.line_of(path)
        for path in [
            ("a",),
            ("a", "b"),
            ("a", "c"),
            ("a", "c", 0),
            ("a", "c", 1),
            ("a", "c", 1, "d"),
            ("a", "c", 1, "d", "e"),
            ("a", "nowhere"),
            ("nowhere", "a"),
        ]
    ] == [1, 2, 3, 4, 5, 5, 5, 1, 1]


def test_merged_fields_have_the_line_that_they_come_from() -> None:
    [document] = parse_documents("a: &x\n  b: {c: 1}\n  d: {e: 1}\nf:\n  <<: *x\n  d: 1\n")

    assert [document.line_of(("f", *path)) for path in [("b",), ("b", "c"), ("d",), ("d", "e")]] == [2, 2, 6, 6]


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
        ("a: {<<: [{}, 1]}", 1, "a mapping is expected after <<"),
        (
            "kind: A\nspec: {}\nkind: A\n",
            3,
            "the key 'kind' stands twice in one mapping: is a line --- missing above",
        ),
        ("a:\n  kind: A\n  kind: A\n", 3, "the key 'kind' stands twice in one mapping$"),
        ("a: 1\nb: {{ .Release.Namespace }}\n", 2, r"a key must be a string: a template\? Render it first"),
        ("a: 1\n{{- if .Values.x }}\nb: 2\n{{- end }}\n", 3, r"a template\? Render it first"),
        ("a: b: c\n", 1, "mapping values are not allowed.*: quote the value$"),
        ("a: b\n  c: d\n", 2, r"mapping values are not allowed.*: is the line indented as it should be\?$"),
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

    with pytest.raises(YamlError, match="aliases stand for more than 200000 values"):
        parse_documents(bomb)


def test_aliases_can_not_nest_without_end() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 120))

    with pytest.raises(YamlError, match="nested more than 100 levels"):
        parse_documents(chain)


def merges(levels: int, times: int) -> str:
    return "a0: &a0 {}\n" + "\n".join(
        f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * times)}]}}" for level in range(1, levels)
    )


def test_merges_of_nothing_count_too() -> None:
    with pytest.raises(YamlError, match="aliases stand for more than 200000 values"):
        parse_documents(merges(levels=12, times=10))


def test_a_long_chain_of_merges_is_read_or_refused_and_never_breaks() -> None:
    lines = ["a0: &a0 {k0: 0}"] + [
        f"a{level}: &a{level} {{<<: *a{level - 1}, k{level}: 0}}" for level in range(1, 3000)
    ]

    assert len(value("\n".join(lines[:300]))["a299"]) == 300
    with pytest.raises(YamlError, match="aliases stand for more than 200000 values"):
        parse_documents("\n".join(lines))


def test_aliases_of_all_documents_of_a_file_count_together() -> None:
    document = f"---\na: &a [{', '.join('x' * 500)}]\nb: [{', '.join(['*a'] * 300)}]\n"

    assert len(parse_documents(document)) == 1
    with pytest.raises(YamlError, match="aliases stand for more than 200000 values"):
        parse_documents(document * 2)


def test_a_file_has_a_bound_on_values() -> None:
    with pytest.raises(YamlError, match="more than 500000 values"):
        parse_documents(f"[{'1,' * 500_001}]")


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "0b" + "1" * 20_000, "0o" + "7" * 9000, "0" + "7" * 9000])
def test_thousands_of_digits_are_no_number(number: str) -> None:
    assert value(f"a: {number}") == {"a": number}
    with pytest.raises(YamlError, match="is not of the type that its tag says") as caught:
        parse_documents(f"a: !!int {number}")
    assert len(str(caught.value)) < 200


@given(st.text(alphabet="abz01:-&*<?|>!%@`#,[]{}\"' \n\t~.\x00é", max_size=60))
def test_whatever_the_text_nothing_else_is_raised(text: str) -> None:
    try:
        documents = parse_documents(text)
    except YamlError as error:
        assert error.line >= 1  # noqa: PT017 - either outcome is right
    else:
        assert all(isinstance(document, Document) for document in documents)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-99, 99)
    | st.text()
    | st.sampled_from(["\U0001f600", "\\\U0001f600", "\\ud83d\t/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, min_size=1), st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_it_is_meant(value: dict[str, Any], indent: int | str | None) -> None:
    assert [document.value for document in parse_documents(json.dumps(value, indent=indent))] == [value]
