"""Who gained and lost which role when the rules changed: counted for all, named for a few. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

NAMED = 5
"""So many users are named per role; of the others only the number is told."""


class RoleTally:
    """Counts role changes of one tenant. Its size doesn't grow with the number of users."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._users: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, user_id: str, gained: Iterable[str], lost: Iterable[str]) -> None:
        for verb, roles in (("gained", gained), ("lost", lost)):
            for role in roles:
                self._counts[verb, role] += 1
                if len(self._users[verb, role]) < NAMED:
                    self._users[verb, role].append(user_id)

    def __bool__(self) -> bool:
        return bool(self._counts)

    @property
    def named_users(self) -> frozenset[str]:
        """Ids of the users whose names `describe` needs."""
        return frozenset(user_id for users in self._users.values() for user_id in users)

    def describe(self, names: Mapping[str, str]) -> str:
        """E.g. `2 users gained analyst (Ada Lovelace, Alan Turing), 1 lost viewer (Ada Lovelace)`."""
        parts: list[str] = []
        for (verb, role), count in sorted(self._counts.items()):
            users = sorted(names.get(user_id, user_id) for user_id in self._users[verb, role])
            if count > len(users):
                users.append(f"and {count - len(users)} more")
            noun = "" if parts else (" user" if count == 1 else " users")
            parts.append(f"{count}{noun} {verb} {role} ({', '.join(users)})")
        return ", ".join(parts)
