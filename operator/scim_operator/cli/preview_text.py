"""`scim-operator preview` as text of 80 columns, and as Markdown."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scim_operator.manifests.printable import printable

_WIDTH = 80
_WIDEST_NAME = 40
_MOST_USERS_IN_TEXT = 20
_MOST_USERS_IN_MARKDOWN = 100


def users_losing(preview: Mapping[str, Any]) -> int:
    """In all tenants."""
    return sum(tenant["usersLosing"] for tenant in preview["tenants"])


def text(preview: Mapping[str, Any]) -> str:
    return "\n\n".join("\n".join(printable(line) for line in _tenant_text(tenant)) for tenant in preview["tenants"])


def markdown(preview: Mapping[str, Any]) -> str:
    return "\n\n".join("\n".join(_tenant_markdown(tenant)) for tenant in preview["tenants"])


def _tenant_text(tenant: Mapping[str, Any]) -> Iterator[str]:
    yield _headline(tenant)
    for side, verb in (("losses", "lose"), ("gains", "gain")):
        for role, figures in tenant[side].items():
            yield f"  {_users(figures['count'])} {verb}{'s' if figures['count'] == 1 else ''} {role}"
    shown = tenant["users"][:_MOST_USERS_IN_TEXT]
    if shown:
        yield ""
    width = min(_WIDEST_NAME, max((len(user["userName"]) for user in shown), default=0))
    for user in shown:
        changes = " ".join([*(f"-{role}" for role in user["losses"]), *(f"+{role}" for role in user["gains"])])
        yield from textwrap.wrap(
            f"{user['userName']:{width}}  {changes}", _WIDTH, initial_indent="  ", subsequent_indent="      "
        )
    if left := tenant["usersChanging"] - len(shown):
        yield f"  … and {_users(left)} more"


def _tenant_markdown(tenant: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {_escaped(_headline(tenant))}"
    if not tenant["gains"] and not tenant["losses"]:
        return
    yield ""
    yield "| role | users who gain it | users who lose it |"
    yield "|---|---:|---:|"
    for role in sorted({*tenant["gains"], *tenant["losses"]}):
        gains, losses = (tenant[side].get(role, {"count": 0})["count"] for side in ("gains", "losses"))
        yield f"| {_escaped(role)} | {gains} | {losses} |"
    shown = tenant["users"][:_MOST_USERS_IN_MARKDOWN]
    yield ""
    yield "| user | gains | loses |"
    yield "|---|---|---|"
    for user in shown:
        yield f"| {_escaped(user['userName'])} | {_listed(user['gains'])} | {_listed(user['losses'])} |"
    if left := tenant["usersChanging"] - len(shown):
        yield ""
        yield f"… and {_users(left)} more"


def _headline(tenant: Mapping[str, Any]) -> str:
    key, changing = tenant["tenant"], tenant["usersChanging"]
    if not tenant["usersInAll"]:
        return f"{key}: it has no users yet"
    if not changing:
        return f"{key}: no user gains or loses a role"
    gaining, losing = tenant["usersGaining"], tenant["usersLosing"]
    return f"{key}: of {_users(tenant['usersInAll'])}, {gaining} would gain and {losing} would lose a role"


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"


def _listed(roles: Sequence[str]) -> str:
    return ", ".join(map(_escaped, roles))


def _escaped(text: str) -> str:
    """With nothing that Markdown or HTML reads as its own: names come from a directory."""
    return "".join(f"&#{ord(char)};" if char in "\\`*_{}[]()<>#+!|&~@" else char for char in printable(text))
