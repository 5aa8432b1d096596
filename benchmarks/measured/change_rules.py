"""How fast a change of rules comes to all users whom it concerns, and what it costs those who write meanwhile."""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from itertools import count

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.installation import TENANT
from benchmarks.load import Load, Series, send
from benchmarks.measured.patch_member import member_patches
from scim_server import changes
from scim_server.config import RoleChangeLimit, RoleRule, Safety
from scim_server.provisioning.policy import Policy
from scim_server.storage import open_storage
from scim_server.storage.protocol import Storage

_CONDITION = 'user.userName.endsWith(".example") && user.active'
_WANTED = {"without a condition": 50_000, "with a condition": 10_000}
_CLIENTS = 4


def _run(workshop: Workshop) -> list[Ratio]:
    members, sizes = workshop.sizes.members, workshop.sizes
    installation, ids = workshop.loaded(members + 1)
    with workshop.doing(f"creating a group of {members:,}"):
        installation.create_group("Analysts whose rules change", ids[:members])
        small = installation.create_group("Analysts who are patched", ids[:100])
    url = installation.urls[0]
    patches = Series(url, member_patches(url, installation.headers, small, ids[-1]), expected=204)
    load = Load(connections=_CLIENTS, repeat=True, seconds=sizes.seconds * sizes.rounds, warm_up=sizes.seconds / 2)
    with workshop.doing("patching, while rules stay"):
        [quiet] = send([patches], load)
    workshop.say_rate("PATCH of a member, rules stay", quiet)
    ratios = []
    for what, wanted in _WANTED.items():
        changing = _Changing(installation.database_url, _CONDITION if what == "with a condition" else None)
        with workshop.doing(f"patching, while a rule {what} changes"), changing:
            [busy] = send([patches], load)
        workshop.say_rate(f"PATCH, a rule {what} changes", busy)
        rate = members / min(changing.seconds)
        workshop.say(f"a change of a rule {what}", f"{rate:,.0f} users /s, two roles each, beside the patches")
        ratios += [
            Ratio(f"change_rules, users /s, {what} ÷ {wanted:,}", rate / wanted, "≥ 1"),
            Ratio(f"change_rules, p99 of a PATCH: beside a change {what} ÷ without", busy.p99 / quiet.p99, "≤ 3"),
        ]
    return ratios


@dataclass
class _Changing:
    """A replica, in a thread, that changes the rules again and again: once at least, and until the block ends."""

    url: str
    condition: str | None
    seconds: list[float] = field(default_factory=list)
    """What each change took until all users had their roles."""

    def __post_init__(self) -> None:
        self._enough = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._change()))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    async def _change(self) -> None:
        storage = open_storage(self.url, changes.record)
        await storage.open()
        first = max((await storage.revisions()).values(), default=0) + 1
        for revision in count(first):
            roles = ("guest",) if revision % 2 else ("analyst",)
            await self._put(
                storage, _policy(roles, self.condition and f"{self.condition} && {revision} > 0"), revision
            )
            if self._enough.is_set():
                break
        await self._put(storage, Policy.of(TENANT), revision + 1)
        self.seconds = self.seconds[:-1]
        await storage.close()

    async def _put(self, storage: Storage, policy: Policy, revision: int) -> None:
        began = time.perf_counter()
        await storage.write(TENANT.key, lambda writer: writer.put_rules(policy, revision), exclusive=True)
        while await storage.write(TENANT.key, lambda writer: writer.recompute_some()) is not None:
            pass
        self.seconds.append(time.perf_counter() - began)


def _policy(roles: tuple[str, ...], condition: str | None) -> Policy:
    rule: RoleRule = TENANT.rules[0].model_copy(update={"roles": roles, "when": condition})
    safety = Safety(max_role_changes=RoleChangeLimit(percent=100))  # nothing is held: that would not be measured
    return Policy.of(TENANT.model_copy(update={"rules": (rule,), "safety": safety}))


CHANGE_RULES = Bench(
    "change_rules",
    "users /s whose roles a change of rules alters, and the p99 of PATCHes beside it ÷ without it",
    _run,
    databases=("PostgreSQL",),
)
