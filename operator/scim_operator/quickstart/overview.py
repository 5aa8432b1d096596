"""What came of the sync: every user's state, roles and the reasons for them, read as an application reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from rich import box
from rich.markup import escape
from rich.table import Table

from scim_operator.inspect.reasons import reason_in_words, short_reason

EFFECTIVE_SCHEMA = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class EffectiveUser:
    """A user as a `Read` credential sees it. `roles`: reasons by role; `profile`: the mapped attributes."""

    user_name: str
    display_name: str
    state: str
    roles: Mapping[str, tuple[Mapping[str, Any], ...]]
    profile: Mapping[str, Any]

    @classmethod
    def of(cls, resource: Mapping[str, Any]) -> "EffectiveUser":
        effective = resource.get(EFFECTIVE_SCHEMA, {})
        return cls(
            user_name=resource["userName"],
            display_name=resource.get("displayName") or resource["userName"],
            state=effective.get("state", "unknown"),
            roles={role["value"]: tuple(role.get("reasons", ())) for role in effective.get("roles", ())},
            profile=effective.get("profile", {}),
        )


async def read_users(base_url: str, token: str) -> list[EffectiveUser]:
    """All users, ordered by userName. `token` has access `Read`. Raises `aiohttp.ClientError`."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/scim+json"}
    users: list[EffectiveUser] = []
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:
        while True:
            parameters = {"startIndex": len(users) + 1, "count": _PAGE}
            async with session.get(f"{base_url}/Users", params=parameters) as response:
                page = await response.json(content_type=None)
            resources = page.get("Resources") or []
            users += map(EffectiveUser.of, resources)
            if not resources or len(users) >= page["totalResults"]:
                return sorted(users, key=lambda user: user.user_name)


def as_json(users: Iterable[EffectiveUser]) -> list[dict[str, Any]]:
    """The same as JSON."""
    return [
        {
            "userName": user.user_name,
            "displayName": user.display_name,
            "state": user.state,
            "roles": [{"value": role, "why": [*map(reason_in_words, why)]} for role, why in user.roles.items()],
            "profile": dict(user.profile),
        }
        for user in users
    ]


def as_table(users: Iterable[EffectiveUser], targets: Iterable[str] = ()) -> Table:
    """A line per role and reason. `targets` are the attributes of the profile that are shown beside the name."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("User", "State", "Role", "Why"):
        table.add_column(heading, overflow="fold")
    shown = tuple(targets)
    for user in users:
        attributes = [f"{target}: {user.profile.get(target, '–')}" for target in shown]
        about = [escape(user.display_name), *(f"[dim]{escape(attribute)}[/dim]" for attribute in attributes)]
        lines = _role_lines(user)
        for number in range(max(len(about), len(lines))):
            role, why = lines[number] if number < len(lines) else ("", "")
            table.add_row(
                about[number] if number < len(about) else "",
                _coloured(user.state) if number == 0 else "",
                escape(role),
                escape(why),
            )
        table.add_section()
    return table


def last_used(used: Mapping[str, datetime | None]) -> str:
    """Rich markup: a line on the credentials, for whoever wonders whether a provider is connected."""
    said = (f"{name} {f'{at.astimezone():%d %b %H:%M:%S}' if at else 'never'}" for name, at in used.items())
    return f"[bold]Last used[/bold]      {escape(', '.join(said))}"


def _role_lines(user: EffectiveUser) -> list[tuple[str, str]]:
    if not user.roles:
        why = "an inactive user has no roles" if user.state != "active" else "nothing grants one"
        return [("–", why)]
    return [
        (role if number == 0 else "", reason)
        for role, why in user.roles.items()
        for number, reason in enumerate([*map(short_reason, why)] or [""])
    ]


def _coloured(state: str) -> str:
    return {"active": "[green]active[/green]", "blocked": "[yellow]blocked[/yellow]"}.get(
        state, f"[red]{state}[/red]"
    )
