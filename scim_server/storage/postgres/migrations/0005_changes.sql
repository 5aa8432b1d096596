-- usable from: 1

-- Changes are counted too, so that the sums tell whether anything happened at all. Times can't tell: what began earlier
-- may be committed later. And counting waits for nobody, which could be a deadlock for who holds groups or users:
-- a lane is any row that no other transaction holds.

-- In the order in which deletions take them. From here to the commit nobody else writes.
LOCK TABLE groups IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;

ALTER TABLE totals ADD COLUMN changed bigint NOT NULL DEFAULT 0;

CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_tenant text;
    number    bigint;
BEGIN
    FOR of_tenant, number IN SELECT tenant, count(*) FROM changed GROUP BY tenant LOOP
        UPDATE totals
        SET added = totals.added + CASE TG_OP WHEN 'INSERT' THEN number ELSE 0 END,
            removed = totals.removed + CASE TG_OP WHEN 'DELETE' THEN number ELSE 0 END,
            changed = totals.changed + CASE TG_OP WHEN 'UPDATE' THEN number ELSE 0 END
        WHERE tenant = of_tenant AND kind = TG_TABLE_NAME::text AND lane = (
            SELECT lane FROM totals WHERE tenant = of_tenant AND kind = TG_TABLE_NAME::text
            LIMIT 1
            FOR NO KEY UPDATE SKIP LOCKED
        );
        CONTINUE WHEN FOUND;
        -- A new lane: no other session that lives has this number.
        INSERT INTO totals (tenant, kind, lane, added, removed, changed)
        VALUES (of_tenant, TG_TABLE_NAME, pg_backend_pid(),
                CASE TG_OP WHEN 'INSERT' THEN number ELSE 0 END,
                CASE TG_OP WHEN 'DELETE' THEN number ELSE 0 END,
                CASE TG_OP WHEN 'UPDATE' THEN number ELSE 0 END)
        ON CONFLICT (tenant, kind, lane) DO UPDATE
        SET added = totals.added + excluded.added,
            removed = totals.removed + excluded.removed,
            changed = totals.changed + excluded.changed;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER users_added AFTER INSERT ON users
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changes();
CREATE OR REPLACE TRIGGER users_removed AFTER DELETE ON users
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changes();
CREATE TRIGGER users_changed AFTER UPDATE ON users
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changes();
CREATE OR REPLACE TRIGGER groups_added AFTER INSERT ON groups
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changes();
CREATE OR REPLACE TRIGGER groups_removed AFTER DELETE ON groups
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changes();
CREATE TRIGGER groups_changed AFTER UPDATE ON groups
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_changes();
DROP FUNCTION count_added;
DROP FUNCTION count_removed;
