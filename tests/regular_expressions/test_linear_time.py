"""No regular expression of the code takes more than linear time, whatever text it is asked of.

`re` tries everything that it can try, holds the interpreter's lock meanwhile and can't be interrupted: one expression
that takes quadratic time is enough to stop a server. So each is found in the code and asked of texts made against it.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.regular_expressions.hostile_texts import as_text, hostile_texts
from tests.regular_expressions.in_code import ROOT, Expression, expressions

_LONG = 2_000
"""Characters. Linear work on them takes some 0.05 ms, quadratic 1 ms and more."""
_SUSPICIOUS = 0.0003
"""Seconds, from which on it is asked how time grows."""
_FACTOR = 8
"""By so much a text is shortened. Linear work shrinks by as much, quadratic by its square."""
_BETWEEN = 22
"""Far from both: a machine that others use changes its speed by half."""
_ATTEMPTS = 5
_ENDLESS = 0.02
"""Seconds, from which on the few repetitions of `_TIMES` are suspicious."""
_TIMES = 20
"""How often a part is repeated before anything longer is tried: what takes exponential time never ends."""


def _published() -> list[Expression]:
    """In our schemas, which others ask with engines of their own."""

    def patterns(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "pattern" and isinstance(inner, str):
                    yield inner
                else:
                    yield from patterns(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from patterns(inner)

    places: dict[str, str] = {}
    for file in sorted((ROOT / "docs" / "reference").glob("*.json")):
        places |= dict.fromkeys(patterns(json.loads(file.read_text(encoding="utf-8"))), file.name)
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        places |= dict.fromkeys(patterns([*yaml.safe_load_all(file.read_text(encoding="utf-8"))]), file.name)
    return [Expression(f"{name} {pattern}", pattern, 0, anchored=False) for pattern, name in places.items()]


def slow_text(expression: Expression) -> str | None:
    """A text on which the expression takes more than linear time."""
    compiled = re.compile(expression.pattern, expression.flags)
    asked = [compiled.match, compiled.fullmatch] if expression.anchored else [compiled.search, compiled.fullmatch]

    def seconds(beginning: str, pump: str, times: int, end: str) -> float:
        """Of this thread, so that others who are busy don't count."""
        text: Any = as_text(expression.pattern, beginning + pump * times + end)
        started = time.thread_time()
        for ask in asked:
            ask(text)
        return time.thread_time() - started

    def grows(beginning: str, pump: str, shorter: int, longer: int, end: str, limit: float, least: float) -> bool:
        """Both are asked in turn: what slows the machine down for a while slows both. What takes less than `least`
        seconds at its fastest was suspected because of others' work: so little can't be compared."""
        spent = [
            (seconds(beginning, pump, shorter, end), seconds(beginning, pump, longer, end)) for _ in range(_ATTEMPTS)
        ]
        fastest = min(long for _, long in spent)
        return fastest > max(least, limit * min(short for short, _ in spent))

    for beginning, pump, end in hostile_texts(expression.pattern, expression.flags):
        times = _LONG // len(pump)
        if seconds(beginning, pump, _TIMES, end) > _ENDLESS:
            slow = grows(beginning, pump, _TIMES - 6, _TIMES, end, 8, _ENDLESS)
        else:
            suspicious = seconds(beginning, pump, times, end) > _SUSPICIOUS
            slow = suspicious and grows(beginning, pump, times // _FACTOR, times, end, _BETWEEN, _SUSPICIOUS)
        if slow:
            return f"{beginning!r} + {pump!r} * n + {end!r}"
    return None


@pytest.mark.parametrize("expression", expressions(), ids=lambda expression: expression.place)
def test_an_expression_of_the_code_takes_linear_time(expression: Expression) -> None:
    assert slow_text(expression) is None


@pytest.mark.parametrize("expression", _published(), ids=lambda expression: expression.place)
def test_an_expression_of_the_schemas_takes_linear_time(expression: Expression) -> None:
    assert slow_text(expression) is None


@pytest.mark.parametrize(
    ("pattern", "anchored"),
    [
        (r"[0-9]+\.?[0-9]*", True),
        (r'"[^"]*"|[^\s,"]+(?:,|$)', False),
        (r"a+$", False),
        (r"x.*a.*b.*c", True),
        (r"(?:a+)+", True),
        (r"(?:a|a)*b", True),
        (r"(?:(?:urn:.+):)?[^:.\[\]]+(?:\[.*\])?", True),
        (rb"\s+\s+x", True),
    ],
)
def test_a_slow_expression_would_be_found(pattern: str | bytes, anchored: bool) -> None:
    assert slow_text(Expression("here", pattern, 0, anchored)) is not None
