-- usable from: 1

-- Users come one by one, and to set up the table of what a statement added costs more than to count one row. Who copies
-- many into the table would wait long for this trigger: disable it meanwhile, and count them in `totals`.

CREATE FUNCTION count_added_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE totals SET added = totals.added + 1
    WHERE tenant = new.tenant AND kind = 'users' AND lane = (
        SELECT lane FROM totals WHERE tenant = new.tenant AND kind = 'users'
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED
    );
    IF NOT FOUND THEN -- a new lane: no other session that lives has this number
        INSERT INTO totals (tenant, kind, lane, added, removed, changed)
        VALUES (new.tenant, 'users', pg_backend_pid(), 1, 0, 0)
        ON CONFLICT (tenant, kind, lane) DO UPDATE SET added = totals.added + 1;
    END IF;
    RETURN NULL;
END
$$;

DROP TRIGGER users_added ON users;
CREATE TRIGGER users_added AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION count_added_user();
