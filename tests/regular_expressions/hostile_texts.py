"""Texts on which a regular expression takes longest, made of what it is made of."""

import itertools
from collections.abc import Iterator
from typing import Any

from re import _compiler, _constants, _parser  # type: ignore[attr-defined]  # isort: skip

_ALPHABET = [chr(code) for code in range(128)] + ["é", "Ω"]
_REPEATS = {_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT}
_ATOMS = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY}
_MOST_FOR_TRIPLES = 11


def hostile_texts(pattern: str | bytes, flags: int) -> Iterator[tuple[str, str, str]]:
    """(beginning, what is repeated, end): ends fail, so that whatever can be tried is tried."""
    letters = _letters(pattern, flags)
    samples = _samples(pattern, flags)
    pumps = [*letters, *("".join(pair) for pair in itertools.permutations(letters, 2))]
    pumps += [sample for sample in samples if len(sample) > 1]
    for beginning in dict.fromkeys(["", *samples]):
        for pump in dict.fromkeys(pumps):
            for end in ("\x00", "\n\n", "~~"):
                yield beginning, pump, end
    if len(letters) <= _MOST_FOR_TRIPLES:
        for beginning in dict.fromkeys(["", *samples[:1]]):
            for triple in itertools.permutations(letters, 3):
                yield beginning, "".join(triple), "~~"


def as_text(pattern: str | bytes, text: str) -> str | bytes:
    return text if isinstance(pattern, str) else text.encode("latin-1", "replace")


def _letters(pattern: str | bytes, flags: int) -> list[str]:
    """One of all letters that are alike to every part of the expression."""
    parsed = _parser.parse(pattern, flags)
    tests = []
    for atom in _atoms(parsed):
        alone = _parser.SubPattern(parsed.state, [atom])
        tests.append(_compiler.compile(alone, parsed.state.flags))
    alike: dict[tuple[bool, ...], str] = {}
    for letter in sorted(_ALPHABET, key=lambda letter: not letter.isalnum()):
        text = as_text(pattern, letter)
        alike.setdefault(tuple(test.fullmatch(text) is not None for test in tests), letter)
    return list(alike.values())


def _atoms(parsed: Any) -> Iterator[Any]:
    for operator, argument in parsed:
        if operator in _ATOMS:
            yield operator, argument
        for inner in _inside(operator, argument):
            yield from _atoms(inner)


def _inside(operator: Any, argument: Any) -> list[Any]:
    if operator in _REPEATS:
        return [argument[2]]
    if operator is _constants.SUBPATTERN:
        return [argument[3]]
    if operator is _constants.BRANCH:
        return list(argument[1])
    if operator in (_constants.ASSERT, _constants.ASSERT_NOT):
        return [argument[1]]
    return [argument] if operator is _constants.ATOMIC_GROUP else []


def _samples(pattern: str | bytes, flags: int) -> list[str]:
    """The shortest texts that the beginnings of the expression match, optional parts included."""
    samples, text = [], ""
    for operator, argument in _parser.parse(pattern, flags):
        text += _sample(operator, argument)
        if text:
            samples.append(text)
    return samples


def _sample(operator: Any, argument: Any) -> str:
    if operator is _constants.LITERAL:
        return chr(argument)
    if operator in _ATOMS:
        alone = _compiler.compile(_parser.SubPattern(_parser.State(), [(operator, argument)]))
        letters = [letter for letter in _ALPHABET[97:] + _ALPHABET if alone.fullmatch(letter)]
        return letters[0] if letters else ""
    if operator in _REPEATS:
        return "".join(_sample(*part) for part in argument[2]) * max(1, int(argument[0]))
    if operator in (_constants.ASSERT, _constants.ASSERT_NOT):
        return ""
    if operator is _constants.BRANCH:
        return "".join(_sample(*part) for part in argument[1][0])
    return "".join(_sample(*part) for inner in _inside(operator, argument) for part in inner)
