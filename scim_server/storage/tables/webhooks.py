"""How far each webhook is, and which server sends to it.

One server sends to a webhook at a time: its owner, which moves `beat` every few seconds. Another one takes over when
it has seen the same beat for long enough by its own clock, so that no two clocks are compared. What an owner writes
it writes only as long as it is the owner.
"""

from collections.abc import Collection, Mapping, Sequence

from scim_server.storage.documents import from_json, to_json
from scim_server.storage.records import StoredWebhook, WebhookProgress
from scim_server.storage.session import Row, Session, Transaction, optional_time
from scim_server.storage.statement import Statement
from scim_server.storage.tables import events

_COLUMNS = """w.tenant, w.webhook, w.revision, w.types, w.position, w.owner, w.beat, w.disabled, w.failing_since,
              w.last_delivery, w.last_failure, w.last_error"""

# A look into the indexes for each webhook.
_ALL = Statement(f"""
    SELECT {_COLUMNS},
           EXISTS (SELECT 1 FROM events e WHERE e.tenant = w.tenant AND e.position > w.position) AS is_behind,
           (SELECT d.next_at FROM deliveries d
            WHERE d.tenant = w.tenant AND d.webhook = w.webhook AND d.state = 'pending'
            ORDER BY d.next_at LIMIT 1) AS next_at
    FROM webhooks w ORDER BY w.tenant, w.webhook
""")

_OF_TENANT = Statement("SELECT webhook, types FROM webhooks WHERE tenant = $1 ORDER BY webhook")

_KNOW = Statement("""
    INSERT INTO webhooks (tenant, webhook, revision, types, position, beat) VALUES ($1, $2, $3, $4, $5, 0)
    ON CONFLICT (tenant, webhook) DO UPDATE SET revision = excluded.revision, types = excluded.types
    WHERE webhooks.revision < excluded.revision
""")

_FORGET = Statement("DELETE FROM webhooks WHERE tenant = $1 AND webhook = $2 AND revision < $3")

_FORGET_DELIVERIES = Statement("DELETE FROM deliveries WHERE tenant = $1 AND webhook = $2")

_CLAIM = Statement("""
    UPDATE webhooks SET owner = $3, beat = beat + 1
    WHERE tenant = $1 AND webhook = $2 AND (owner IS NULL OR owner = $4) AND beat = $5
""")

_RELEASE = Statement("UPDATE webhooks SET owner = NULL WHERE tenant = $1 AND webhook = $2 AND owner = $3")

_BEAT = Statement("UPDATE webhooks SET beat = beat + 1 WHERE owner = $1")

_PROGRESS = Statement("""
    UPDATE webhooks
    SET position = $4, disabled = $5, failing_since = $6, last_delivery = $7, last_failure = $8, last_error = $9,
        beat = beat + 1
    WHERE tenant = $1 AND webhook = $2 AND owner = $3
""")


async def of_all(session: Session) -> Sequence[StoredWebhook]:
    return [_webhook_of(session, row) for row in await session.fetch(_ALL)]


async def of_tenant(session: Session) -> Mapping[str, Sequence[str]]:
    """Names, and the types of the events that each is for."""
    return {row["webhook"]: from_json(row["types"]) for row in await session.fetch(_OF_TENANT, session.tenant)}


async def know(tx: Transaction, webhooks: Mapping[str, Collection[str]], revision: int) -> None:
    """A configuration of this revision has these webhooks, for events of these types. New ones begin with the events
    that come from now on."""
    position = await events.safe_position(tx)
    rows = [(tx.tenant, name, revision, to_json(sorted(types)), position) for name, types in sorted(webhooks.items())]
    await tx.batch(_KNOW, rows)


async def forget(tx: Transaction, name: str, revision: int) -> None:
    """A configuration of this revision doesn't have the webhook. One that a newer configuration has stays."""
    if await tx.execute(_FORGET, tx.tenant, name, revision):
        await tx.execute(_FORGET_DELIVERIES, tx.tenant, name)


async def claim(tx: Transaction, name: str, owner: str, seen_owner: str | None, seen_beat: int) -> bool:
    """Become the owner of a webhook that is as it was seen: without an owner, or with one that is gone."""
    return await tx.execute(_CLAIM, tx.tenant, name, owner, seen_owner, seen_beat) == 1


async def release(tx: Transaction, name: str, owner: str) -> None:
    await tx.execute(_RELEASE, tx.tenant, name, owner)


async def beat(tx: Transaction, owner: str) -> None:
    """Of all that it owns."""
    await tx.execute(_BEAT, owner)


async def note_progress(tx: Transaction, name: str, owner: str, progress: WebhookProgress) -> bool:
    """False: another server owns it by now, or it is forgotten."""
    return (
        await tx.execute(
            _PROGRESS,
            tx.tenant,
            name,
            owner,
            progress.position,
            progress.disabled,
            progress.failing_since,
            progress.last_delivery,
            progress.last_failure,
            progress.last_error,
        )
        == 1
    )


def _webhook_of(session: Session, row: Row) -> StoredWebhook:
    return StoredWebhook(
        row["tenant"],
        row["webhook"],
        row["revision"],
        from_json(row["types"]),
        row["position"],
        row["owner"],
        row["beat"],
        row["disabled"],
        optional_time(session, row["failing_since"]),
        optional_time(session, row["last_delivery"]),
        optional_time(session, row["last_failure"]),
        row["last_error"],
        bool(row["is_behind"]),
        optional_time(session, row["next_at"]),
    )
