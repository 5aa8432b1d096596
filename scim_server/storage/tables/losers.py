"""Who has a role by held grants alone: the losers, if the hold is released."""

from scim_server.storage.ids import FIRST_ID

_GRANT = "group_id, source, mapping, rule, role"

_IS_HELD = f"""
    ({{why}}.group_id, {{why}}.source, {{why}}.mapping, {{why}}.rule, {{why}}.role) IN (
        SELECT {_GRANT} FROM held_grants WHERE tenant = $1 AND hold = $2
    ) AND NOT EXISTS (
        SELECT 1 FROM grants g
        WHERE g.tenant = $1 AND g.group_id = {{why}}.group_id AND g.mapping = {{why}}.mapping
          AND g.rule = {{why}}.rule AND g.role = {{why}}.role AND g.open AND (g.condition = '' OR EXISTS (
              SELECT 1 FROM verdicts v
              WHERE v.tenant = $1 AND v.user_id = {{why}}.user_id AND v.condition = g.condition
          ))
    ) AND NOT EXISTS (
        SELECT 1 FROM general_grants g
        WHERE g.tenant = $1 AND {{why}}.group_id = '{FIRST_ID}' AND g.source = {{why}}.source
          AND g.mapping = {{why}}.mapping AND g.rule = {{why}}.rule AND g.role = {{why}}.role AND g.open AND EXISTS (
              SELECT 1 FROM verdicts v
              WHERE v.tenant = $1 AND v.user_id = {{why}}.user_id AND v.condition = g.condition
          )
    )
"""
"""What a rule gives still, or again, isn't held, though its grant has other times or another condition."""

OF_HOLD = f"""
    SELECT DISTINCT why.user_id AS id FROM role_reasons why
    WHERE why.tenant = $1 AND {_IS_HELD.format(why="why")} AND NOT EXISTS (
        SELECT 1 FROM role_reasons other
        WHERE other.tenant = $1 AND other.user_id = why.user_id AND other.role = why.role
          AND NOT ({_IS_HELD.format(why="other")})
    )
"""
"""A query for their ids; `$2` is the hold."""
