"""What `kubectl scim status` shows: every connection and its mappings, and what is wrong with each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

_CONFIG = "ProvisioningConfig"
_EXPIRES_SOON = timedelta(days=14)
_EXAMPLES = 3
_HEADINGS = ("NAME", "READY", "PROVIDER", "USERS", "LAST SYNC", "LAST CONTACT", "ENDPOINT")


@dataclass(slots=True)
class Entry:
    """One object: whether it is ready, what is wrong, and what is merely worth knowing."""

    name: str
    ready: bool
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def overview(objects: Iterable[Mapping[str, Any]], now: datetime) -> tuple[list[str], bool]:
    """Lines for people, and whether everything is ready."""
    configs, mappings = [], defaultdict(list)
    for item in objects:
        if item["kind"] == _CONFIG:
            configs.append(item)
        else:
            mappings[_config_of(item)].append(item)
    rows: list[tuple[tuple[str, ...], list[str]]] = []
    everything_ready = True
    for config in sorted(configs, key=_key):
        entry = _config_entry(config, now)
        of_it = [
            _mapping_entry(mapping, _namespace(config))
            for mapping in sorted(mappings.pop(_key(config), []), key=_key)
        ]
        everything_ready &= entry.ready and all(mapping.ready for mapping in of_it)
        below = [*_remarks(entry, "  "), *(line for mapping in of_it for line in _lines(mapping, "  "))]
        rows.append((_columns(config, entry, now), below))
    lines = _table(rows) if rows else []
    strays = sorted((item for items in mappings.values() for item in items), key=_key)
    if strays:
        everything_ready = False
        lines += ["", "Mappings whose ProvisioningConfig isn't among these:"]
        lines += [line for item in strays for line in _lines(_mapping_entry(item, ""), "  ")]
    return lines, everything_ready


def _config_entry(config: Mapping[str, Any], now: datetime) -> Entry:
    status = config.get("status", {})
    entry = _entry(config, f"{_namespace(config)}/{config['metadata']['name']}")
    if config["spec"].get("suspend"):
        entry.notes.append("suspended: what was delivered goes on, changes wait")
    if entry.ready and "lastContactTime" not in status:
        entry.notes.append(
            "no request with any of its credentials has come yet: "
            f"kubectl scim probe {config['metadata']['name']} -n {_namespace(config)}"
        )
    if config["spec"].get("mode") == "Observe":
        entry.notes.append("mode Observe: requests are answered and logged, and nothing reaches applications")
    entry.notes += [_hold(hold) for hold in status.get("holds", ())]
    entry.notes += [_webhook(webhook) for webhook in status.get("webhooks", ()) if webhook["state"] != "Active"]
    if failure := status.get("lastFailure"):
        what = f"{failure['operation']}, {_ago(failure['time'], now)}: {failure['reason']}"
        entry.notes.append(f"last request that was refused: {what}")
    for credential in status.get("credentials", ()):
        expires = credential.get("expiresAt")
        if expires and _time(expires) - now < _EXPIRES_SOON:
            what = "expired" if _time(expires) <= now else "expires"
            entry.notes.append(f"credential {credential['name']} {what} at {expires}")
    return entry


def _hold(hold: Mapping[str, Any]) -> str:
    who = "1 user" if hold["count"] == 1 else f"{hold['count']} users"
    until = f"until {hold['expires']}" if "expires" in hold else "as long as they are protected"
    return f"hold {hold['id']} ({hold['kind']}): effects on {who}{_named(hold)} wait {until}"


def _named(figures: Mapping[str, Any]) -> str:
    """Some of the users, after their count."""
    users = figures.get("users", ())[:_EXAMPLES]
    more = ["…"] if figures["count"] > len(users) else []
    return f" ({', '.join([*users, *more])})" if users else ""


def _webhook(webhook: Mapping[str, Any]) -> str:
    why = webhook.get("lastFailure", {}).get("reason", "no reason is known")
    state = "is disabled" if webhook["state"] == "Disabled" else f"fails, {webhook.get('pending', 0)} events wait"
    return f"webhook {webhook['name']} {state}: {why}"


def _preview(preview: Mapping[str, Any]) -> Iterable[str]:
    yield f"mode Preview: {preview['usersGaining']} users would gain a role, {preview['usersLosing']} would lose one"
    for verb, field_name in (("gain", "gains"), ("lose", "losses")):
        for figures in preview.get(field_name, ()):
            yield f"would {verb} {figures['role']}: {figures['count']}{_named(figures)}"


def _mapping_entry(mapping: Mapping[str, Any], beside: str) -> Entry:
    """`beside` is the namespace that needn't be said."""
    place = "" if _namespace(mapping) == beside else f"{_namespace(mapping)}/"
    entry = _entry(mapping, f"{mapping['kind']} {place}{mapping['metadata']['name']}")
    if preview := mapping.get("status", {}).get("preview"):
        entry.notes += _preview(preview)
    for error in mapping.get("status", {}).get("expressionErrors", ()):
        entry.notes.append(f"{error['name']}: the expression fails for {error['users']} users: {error['reason']}")
    unmatched = mapping.get("status", {}).get("unmatchedGroups", {})
    for group in unmatched.get("groups", ()):
        how, named = next(((key, group[key]) for key in group if key != "rule"), ("group", "?"))
        entry.notes.append(f'rule {group["rule"]}: no provider has sent a group with {how} "{named}"')
    if unmatched.get("count", 0) > len(unmatched.get("groups", ())):
        entry.notes.append(f"{unmatched['count']} such groups in all")
    return entry


def _entry(item: Mapping[str, Any], name: str) -> Entry:
    status, generation = item.get("status", {}), item["metadata"].get("generation", 0)
    conditions = {condition["type"]: condition for condition in status.get("conditions", ())}
    ready = conditions.get("Ready")
    observed = status.get("observedGeneration", -1)
    if ready is None or observed < 0:
        return Entry(name, False, ["no operator has looked at it: is one running, and does it serve this namespace?"])
    if observed < generation:
        return Entry(name, False, ["the operator hasn't looked at the latest change yet"])
    if ready["status"] == "True":
        return Entry(name, True)
    # The summary repeats what one of the others says, and they say all of it.
    wrong = [
        conditions[kind] for kind in ("Accepted", "ResolvedRefs", "Programmed") if _is_wrong(conditions.get(kind))
    ]
    return Entry(name, False, list(dict.fromkeys(f"{one['reason']}: {one['message']}" for one in wrong or [ready])))


def _is_wrong(condition: Mapping[str, Any] | None) -> bool:
    return condition is not None and condition["status"] != "True"


def _lines(entry: Entry, indent: str) -> list[str]:
    return [f"{indent}{'ok' if entry.ready else 'NO':3} {entry.name}", *_remarks(entry, f"{indent}    ")]


def _remarks(entry: Entry, indent: str) -> list[str]:
    return [f"{indent}! {problem}" for problem in entry.problems] + [f"{indent}- {note}" for note in entry.notes]


def _columns(config: Mapping[str, Any], entry: Entry, now: datetime) -> tuple[str, ...]:
    status = config.get("status", {})
    users = status.get("users", {})
    return (
        entry.name,
        "yes" if entry.ready else "NO",
        str(config["spec"].get("provider", "Generic")),
        str(users.get("active", "-")),
        _ago(status.get("lastSyncTime"), now),
        _ago(status.get("lastContactTime"), now),
        str(status.get("endpoint", "-")),
    )


def _table(rows: Sequence[tuple[tuple[str, ...], list[str]]]) -> list[str]:
    widths = [max(len(row[0][column]) for row in [(_HEADINGS, []), *rows]) for column in range(len(_HEADINGS))]
    lines = [_row(_HEADINGS, widths)]
    for columns, below in rows:
        lines += [_row(columns, widths), *below]
    return lines


def _row(columns: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(columns, widths, strict=True)).rstrip()


def _ago(time: str | None, now: datetime) -> str:
    if time is None:
        return "never"
    seconds = max(0, int((now - _time(time)).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _config_of(mapping: Mapping[str, Any]) -> tuple[str, str]:
    reference = mapping["spec"]["configRef"]
    return reference.get("namespace", _namespace(mapping)), reference["name"]


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return _namespace(item), str(item["metadata"]["name"])


def _namespace(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["namespace"])
