-- usable from: 1

-- Changes are no longer counted, only what comes and goes: lists remember positions in the order of creation alone.
-- `totals.changed` stays for older servers, which read it.
DROP TRIGGER groups_changed ON groups;
DROP TRIGGER users_changed ON users;
