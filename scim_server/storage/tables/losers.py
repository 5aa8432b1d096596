"""Who has a role by held grants alone: the losers, if the hold is released."""

_GRANT = "group_id, source, mapping, rule, role"

OF_HOLD = f"""
    SELECT DISTINCT why.user_id AS id FROM role_reasons why
    WHERE why.tenant = $1 AND (why.group_id, why.source, why.mapping, why.rule, why.role) IN (
        SELECT {_GRANT} FROM held_grants WHERE tenant = $1 AND hold = $2
    ) AND NOT EXISTS (
        SELECT 1 FROM role_reasons other
        WHERE other.tenant = $1 AND other.user_id = why.user_id AND other.role = why.role
          AND (other.group_id, other.source, other.mapping, other.rule, other.role) NOT IN (
              SELECT {_GRANT} FROM held_grants WHERE tenant = $1 AND hold = $2
          )
    )
"""
"""A query for their ids; `$2` is the hold."""
