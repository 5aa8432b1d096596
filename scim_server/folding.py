"""How text compares where an attribute isn't `caseExact` (RFC 7643 §2.2): in filters, indexes and role rules."""


def fold(text: str) -> str:
    """Text in the form in which it is compared and indexed without case.

    Storage fills its index columns with it and folds what it looks up, so a database compares plain bytes
    (`COLLATE "C"`, `BINARY`): code-point order, the same in Python, PostgreSQL and SQLite. `str.lower` and not
    `casefold`: `ß` and `ss` are different letters in user names, and one letter stays one letter in most
    scripts, so that prefixes (`sw`) behave as people expect. No Unicode normalisation: a provider's `eq`
    must find exactly what it sent.

    Every letter folds by itself, whatever stands around it, so that a part of a text is a part of it folded too: the
    sigma, of which `str.lower` makes another one at the end of a word, becomes the same everywhere.
    """
    return text.lower().replace("ς", "σ")


def identity_of(text: str) -> str:
    """Text in the form in which it tells who or what is meant: whose /Me a token shows, which group a rule names.

    Finer than `fold`, and texts that are alike in it are alike folded. A letter is another one's small letter only
    where that one is its capital: `K` is `k`, and the Kelvin sign (U+212A), of which Unicode says the same, isn't.
    An identity provider takes them for two names, and one must not pass for the other.
    """
    if text.isascii():
        return text.lower()
    return "".join(map(_identity_of_letter, text))


def _identity_of_letter(letter: str) -> str:
    small = letter.lower()
    return small if small.upper() == letter else letter
