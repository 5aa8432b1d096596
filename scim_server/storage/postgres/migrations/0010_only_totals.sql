-- usable from: 10

-- Changes are no longer counted, only what comes and goes: lists remember positions in the order of creation alone.

-- In the order in which deletions take them.
LOCK TABLE groups IN ACCESS EXCLUSIVE MODE;
LOCK TABLE users IN ACCESS EXCLUSIVE MODE;

DROP TRIGGER groups_changed ON groups;
DROP TRIGGER users_changed ON users;

-- Counting waits for nobody, which could be a deadlock for a transaction that holds groups or users: a lane is any row
-- that no other transaction holds.
CREATE OR REPLACE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_tenant text;
    number    bigint;
BEGIN
    FOR of_tenant, number IN SELECT tenant, count(*) FROM changed GROUP BY tenant LOOP
        UPDATE totals
        SET added = totals.added + CASE TG_OP WHEN 'INSERT' THEN number ELSE 0 END,
            removed = totals.removed + CASE TG_OP WHEN 'DELETE' THEN number ELSE 0 END
        WHERE tenant = of_tenant AND kind = TG_TABLE_NAME::text AND lane = (
            SELECT lane FROM totals WHERE tenant = of_tenant AND kind = TG_TABLE_NAME::text
            LIMIT 1
            FOR NO KEY UPDATE SKIP LOCKED
        );
        CONTINUE WHEN FOUND;
        -- A new lane: no other session that lives has this number.
        INSERT INTO totals (tenant, kind, lane, added, removed)
        VALUES (of_tenant, TG_TABLE_NAME, pg_backend_pid(),
                CASE TG_OP WHEN 'INSERT' THEN number ELSE 0 END,
                CASE TG_OP WHEN 'DELETE' THEN number ELSE 0 END)
        ON CONFLICT (tenant, kind, lane) DO UPDATE
        SET added = totals.added + excluded.added,
            removed = totals.removed + excluded.removed;
    END LOOP;
    RETURN NULL;
END
$$;
ALTER FUNCTION count_changes RENAME TO count_added_and_removed;

CREATE OR REPLACE FUNCTION count_added_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE totals SET added = totals.added + 1
    WHERE tenant = new.tenant AND kind = 'users' AND lane = (
        SELECT lane FROM totals WHERE tenant = new.tenant AND kind = 'users'
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED
    );
    IF NOT FOUND THEN -- a new lane: no other session that lives has this number
        INSERT INTO totals (tenant, kind, lane, added, removed)
        VALUES (new.tenant, 'users', pg_backend_pid(), 1, 0)
        ON CONFLICT (tenant, kind, lane) DO UPDATE SET added = totals.added + 1;
    END IF;
    RETURN NULL;
END
$$;

ALTER TABLE totals DROP COLUMN changed;
