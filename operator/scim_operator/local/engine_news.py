"""Tells what happens without a request: holds, users whose delay is over, roles that come and go with the time."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence

from scim_operator.api.conditions import format_time
from scim_operator.local.report import Reporter
from scim_operator.local.role_news import RoleNews
from scim_server.app import Server
from scim_server.storage.effects import (
    DeletedUserDeactivated,
    Effects,
    HoldDecided,
    HoldEnded,
    HoldOpened,
    RolesChanged,
    RulesChanged,
    StateChanged,
)
from scim_server.storage.errors import StorageUnavailable
from scim_server.storage.protocol import Reader

_GATHERING_SECONDS = 0.25
"""Effects that come so close together are told together."""
_NAMED = 5
"""So many users a line names."""


class EngineNews:
    """`run` is its task. While the manifests are being applied, others tell whose roles change."""

    def __init__(self, server: Server, reporter: Reporter, roles: RoleNews) -> None:
        self.manifests_are_applied = True
        self._storage = server.storage
        self._reporter = reporter
        self._roles = roles
        self._lines: defaultdict[str, list[str]] = defaultdict(list)
        self._deactivated: defaultdict[str, list[str]] = defaultdict(list)
        self._happened = asyncio.Event()
        self._storage.subscribe(self._note)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._happened.wait()
            await asyncio.sleep(_GATHERING_SECONDS)
            self._happened.clear()
            lines, self._lines = self._lines, defaultdict(list)
            deactivated, self._deactivated = self._deactivated, defaultdict(list)
            for tenant, of_tenant in lines.items():
                for line in of_tenant:
                    self._reporter.change(f"{tenant}: {line}")
            try:
                for tenant, users in deactivated.items():
                    self._reporter.change(f"{tenant}: {await self._deactivation(tenant, users)}")
                if self.manifests_are_applied:
                    await self._roles.tell()
            except StorageUnavailable:
                self._reporter.note("the database doesn't answer, so it isn't known whose roles changed")

    def _note(self, tenant: str, effects: Effects) -> None:
        for effect in effects.all:
            match effect:
                case StateChanged(user_id=user_id, before=before, state="deactivated") if before is not None:
                    self._deactivated[tenant].append(user_id)
                case DeletedUserDeactivated():
                    self._lines[tenant].append("a deleted user is deactivated: the delay is over")
                case RolesChanged(reason=RulesChanged()):
                    pass
                case HoldOpened() | HoldDecided() | HoldEnded():
                    self._lines[tenant] += _of_hold(effect)
                case _:
                    continue
            self._happened.set()

    async def _deactivation(self, tenant: str, users: Sequence[str]) -> str:
        async def work(reader: Reader) -> list[str]:
            found = [await reader.user(user_id) for user_id in users[:_NAMED]]
            return [str(user.document.get("displayName") or user.document.get("userName")) for user in found if user]

        names = await self._storage.read(tenant, work)
        if len(users) > _NAMED:
            names.append(f"{len(users) - _NAMED} more")
        return f"{', '.join(names) or 'a user'} deactivated: the delay is over"


def _of_hold(effect: HoldOpened | HoldDecided | HoldEnded) -> Iterator[str]:
    match effect:
        case HoldOpened(hold=hold):
            until = f"until {format_time(hold.expires)}" if hold.expires is not None else "as long as it is protected"
            yield f"hold {hold.id} ({hold.kind.value}) is opened: effects wait {until}"
        case HoldDecided():
            yield f"hold {effect.hold}: {effect.decision.value}, by {effect.by.value}"
        case HoldEnded(hold=hold):
            yield f"hold {hold.id} ({hold.kind.value}) has ended"
