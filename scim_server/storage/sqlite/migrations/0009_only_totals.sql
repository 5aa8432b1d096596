-- usable from: 9

-- Changes are no longer counted, only what comes and goes: lists remember positions in the order of creation alone.
DROP TRIGGER users_changed;
DROP TRIGGER groups_changed;
ALTER TABLE totals DROP COLUMN changed;
