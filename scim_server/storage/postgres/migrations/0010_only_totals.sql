-- usable from: 10

-- Changes are no longer counted, only what comes and goes: lists remember positions in the order of creation alone.
-- `totals.changed` stays, because servers that still run during the rollout read it.
DROP TRIGGER groups_changed ON groups;
DROP TRIGGER users_changed ON users;
