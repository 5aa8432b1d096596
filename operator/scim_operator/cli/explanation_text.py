"""`scim-operator explain` on a terminal of 80 columns."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from scim_operator.inspect.reasons import reason_in_words
from scim_operator.manifests.printable import printable

_WIDTH = 80
_LONGEST_LABEL = 24


def explanation_text(tenant: str, explanation: Mapping[str, Any]) -> str:
    """What the JSON of an explanation says."""
    return "\n".join(printable(line) for line in _lines(tenant, explanation))


def _lines(tenant: str, explanation: Mapping[str, Any]) -> Iterator[str]:
    user, state = explanation["user"], explanation["state"]
    display = user.get("displayName")
    yield f"{display} ({user['userName']}) of {tenant}" if display else f"{user['userName']} of {tenant}"
    external = user.get("externalId")
    yield f"id {user['id']}{f', externalId {external}' if external else ''}"
    yield ""
    yield "State"
    yield from _entries([(state["value"], [f"since {_shown_time(state['since'])}", state["because"]])])
    yield ""
    yield "Roles"
    yield from _entries((role["value"], _about_role(role)) for role in explanation["roles"])
    if explanation["withheld"]:
        yield ""
        yield "Withheld"
        yield from _entries((one["value"], _about_withheld(one)) for one in explanation["withheld"])
    if explanation["profile"]:
        yield ""
        yield "Profile"
        yield from _entries((target, [_profile_value(one)]) for target, one in explanation["profile"].items())


def _profile_value(one: Mapping[str, Any]) -> str:
    value = _value(one["value"])
    return value if one["from"] == "standard" else f"{value} – {one['from']}"


def _about_role(role: Mapping[str, Any]) -> list[str]:
    sensitive = ["sensitive"] if role.get("sensitive") else []
    return [f"since {_shown_time(role['since'])}", *sensitive, *(reason_in_words(one) for one in role["reasons"])]


def _about_withheld(one: Mapping[str, Any]) -> list[str]:
    about = [one["detail"]]
    if one["mapping"] is not None:
        about.append(f"rule {one['rule']} of {one['mapping']}")
    return about


def _value(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _entries(entries: Iterable[tuple[str, list[str]]]) -> Iterator[str]:
    """A label, and lines about it on the right."""
    listed = [*entries]
    if not listed:
        yield "  none"
    width = min(_LONGEST_LABEL, max((len(label) for label, _ in listed), default=0))
    for label, about in listed:
        lines = [line for each in about for line in textwrap.wrap(each, _WIDTH - width - 4) or [""]]
        if len(label) > width:
            yield f"  {label}"
            label = ""
        for line in lines:
            yield f"  {label:{width}}  {line}".rstrip()
            label = ""


def _shown_time(text: str) -> str:
    """A time of a JSON answer, to the second."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
