"""The digest of the sync log: `scim-operator log --summary`."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim_operator.cli.columns import Columns
from scim_operator.cli.sync_log_forms import Line, outcome_in_words
from scim_operator.manifests.printable import printable

_COUNT = re.compile(r"\b\d+ members?\b")
_FIRST_REFUSED = 400
_USER_OPERATIONS = ("create user", "deactivate user", "reactivate user", "delete user")


@dataclass(slots=True)
class _Failure:
    count: int = 0
    last: str = ""


@dataclass(slots=True)
class Summary:
    """Of lines that are added one by one: nothing of it grows with their number."""

    requests: int = 0
    failed: int = 0
    last_success: str | None = None
    last_failure: Line | None = None
    operations: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By credential and operation, those that were taken and those that weren't."""
    failed_operations: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: dict[tuple[str, str, int, str], _Failure] = field(default_factory=dict)
    """By credential, operation, status and reason."""
    users: Counter[str] = field(default_factory=Counter)
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, line: Line) -> None:
        self.requests += 1
        key = (line["credential"], _without_count(line["operation"]))
        self.operations[key] += 1
        if line["status"] < _FIRST_REFUSED:
            self.last_success = line["time"]
            if line["operation"] in _USER_OPERATIONS:
                self.users[line["operation"]] += 1
            self.gained.update(line.get("gained") or {})
            self.lost.update(line.get("lost") or {})
            return
        self.failed += 1
        self.last_failure = line
        self.failed_operations[key] += 1
        failure = self.failures.setdefault((*key, line["status"], outcome_in_words(line)), _Failure())
        failure.count += 1
        failure.last = line["time"]

    def to_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "failed": self.failed,
            "lastSuccess": self.last_success,
            "lastFailure": None
            if self.last_failure is None
            else {"time": self.last_failure["time"], "reason": _reason(self.last_failure)},
            "operations": [
                {
                    "credential": credential,
                    "operation": operation,
                    "count": count,
                    "failed": self.failed_operations[credential, operation],
                }
                for (credential, operation), count in sorted(self.operations.items())
            ],
            "failures": [
                {
                    "credential": credential,
                    "operation": operation,
                    "status": status,
                    "reason": reason,
                    "count": failure.count,
                    "last": failure.last,
                }
                for (credential, operation, status, reason), failure in self._most_frequent()
            ],
            "users": {
                "created": self.users["create user"],
                "deactivated": self.users["deactivate user"],
                "reactivated": self.users["reactivate user"],
                "deleted": self.users["delete user"],
            },
            "roles": {"gained": dict(sorted(self.gained.items())), "lost": dict(sorted(self.lost.items()))},
        }

    def to_text(self) -> Iterator[str]:
        """Lines."""
        if not self.requests:
            yield "No request changed anything, or tried to."
            return
        yield f"{_counted(self.requests, 'request')}, {self.failed} of them failed"
        yield f"Last success: {self.last_success or 'none'}"
        if self.last_failure is None:
            yield "Last failure: none"
        else:
            yield f"Last failure: {self.last_failure['time']}: {printable(_reason(self.last_failure))}"
        done = self.to_json()
        yield ""
        yield "Users: " + ", ".join(f"{count} {what}" for what, count in done["users"].items())
        for what, counts in done["roles"].items():
            yield f"Roles {what}: " + (", ".join(f"{role} ({count})" for role, count in counts.items()) or "none")
        yield ""
        rows = [("CREDENTIAL", "OPERATION", "REQUESTS", "FAILED")]
        rows += [
            (printable(one["credential"]), one["operation"], str(one["count"]), str(one["failed"]))
            for one in done["operations"]
        ]
        yield from Columns().lines(rows)
        if done["failures"]:
            yield ""
            yield "What failed, most often first:"
        for one in done["failures"]:
            why = printable(one["reason"])
            times = _counted(one["count"], "time")
            what = f"{printable(one['credential'])}: {one['operation']}: {one['status']} {why}"
            yield f"  {times}, last {one['last']}: {what}"

    def _most_frequent(self) -> list[tuple[tuple[str, str, int, str], _Failure]]:
        return sorted(self.failures.items(), key=lambda item: (-item[1].count, item[0]))


def _without_count(operation: str) -> str:
    """`add 3 members` and `add 1 member` are the same operation."""
    return _COUNT.sub("members", operation)


def _reason(line: Mapping[str, Any]) -> str:
    return f"{line['operation']}: {line['status']} {outcome_in_words(line)}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
