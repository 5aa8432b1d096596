"""What was probably meant by a name or value that isn't known."""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

_LONGEST = 256
"""As names are. To compare longer ones takes long, and nobody mistypes them."""
_CUTOFF = 0.75
_RESEMBLES = 0.5
"""Lower: where a name may be another one with a slip in it, the doubt counts."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` resembles, letters' case apart."""
    if len(name) > _LONGEST:
        return None
    by_small_letters = {each.lower(): each for each in known if len(each) <= _LONGEST}
    wanted = name.lower()
    if wanted in by_small_letters:
        return by_small_letters[wanted]
    found = get_close_matches(wanted, by_small_letters, n=1, cutoff=_CUTOFF)
    return by_small_letters[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that isn't known: `; did you mean admin?`, or nothing."""
    meant = nearest(name, known)
    return f"; did you mean {meant}?" if meant is not None else ""


def resembles(name: str, other: str) -> bool:
    """Whether `name` may be `other` misspelt."""
    matcher = SequenceMatcher(None, name.lower(), other.lower())
    return matcher.real_quick_ratio() >= _RESEMBLES and matcher.ratio() >= _RESEMBLES
