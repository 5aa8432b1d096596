"""Which conditions are true for which users. Every other pair is false, or was never evaluated: see
`pending_users.evaluate`."""

from collections.abc import Collection, Mapping, Sequence

from scim_server.provisioning.conditions import Conditions, Verdicts, user_of_conditions
from scim_server.storage.documents import from_json, to_json
from scim_server.storage.session import Transaction
from scim_server.storage.statement import Statement, Together

_DOCUMENTS = Statement(
    "SELECT id, document, state = 'active' AS active FROM users WHERE tenant = $1 AND id {in_ids:$2}"
)

_PUT = Together(
    """
    wanted (user_id, condition) AS MATERIALIZED (SELECT v.id, v.condition FROM {rows:$3 v (id id, condition text)})
    """,
    gone="""
        DELETE FROM verdicts
        WHERE tenant = $1 AND user_id {in_ids:$2}
          AND (user_id, condition) NOT IN (SELECT user_id, condition FROM wanted)
    """,
    new="""
        INSERT INTO verdicts (tenant, user_id, condition)
        SELECT {text:$1}, user_id, condition FROM wanted
        WHERE true
        ON CONFLICT DO NOTHING
    """,
)

_FEW = 20
"""Users for whom conditions are evaluated at once in the event loop."""


async def put(tx: Transaction, true: Mapping[str, Collection[str]]) -> None:
    """By user, all conditions that are true for it."""
    rows = [{"id": user_id, "condition": name} for user_id, names in true.items() for name in sorted(names)]
    await tx.together(_PUT, tx.tenant, [*true], to_json(rows))


async def evaluate(tx: Transaction, user_ids: Collection[str]) -> None:
    """The conditions of the policy, for locked users."""
    conditions = (await tx.policy()).conditions
    rows = await tx.fetch(_DOCUMENTS, tx.tenant, [*user_ids])
    documents = [(str(row["id"]), row["document"], bool(row["active"])) for row in rows]
    if len(documents) > _FEW:
        verdicts = await tx.compute(_of_all, conditions, documents)
    else:
        verdicts = _of_all(conditions, documents)
    await put(tx, {user_id: found.true for user_id, found in verdicts.items()})


def _of_all(conditions: Conditions, users: Sequence[tuple[str, str, bool]]) -> Mapping[str, Verdicts]:
    """`users`: id, document as it is stored, active."""
    return {
        user_id: conditions.of(user_of_conditions(user_id, from_json(document), active))
        for user_id, document, active in users
    }
