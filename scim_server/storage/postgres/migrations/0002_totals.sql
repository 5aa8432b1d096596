-- usable from: 1

-- How many users and groups a tenant has, without counting them. Each session has a lane of its own, nearly always, so
-- that those who add users at once don't wait for each other. Triggers keep it, so that COPY and older servers count too.
CREATE TABLE totals (
    tenant  text COLLATE "C" NOT NULL,
    kind    text COLLATE "C" NOT NULL, -- users or groups
    lane    integer NOT NULL,
    added   bigint  NOT NULL,          -- both only grow: their sums tell whether anything came or went
    removed bigint  NOT NULL,
    PRIMARY KEY (tenant, kind, lane)
) WITH (fillfactor = 50);

CREATE FUNCTION count_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO totals (tenant, kind, lane, added, removed)
    SELECT tenant, TG_TABLE_NAME, pg_backend_pid() % 64, count(*), 0 FROM changed GROUP BY tenant ORDER BY tenant
    ON CONFLICT (tenant, kind, lane) DO UPDATE SET added = totals.added + excluded.added;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO totals (tenant, kind, lane, added, removed)
    SELECT tenant, TG_TABLE_NAME, pg_backend_pid() % 64, 0, count(*) FROM changed GROUP BY tenant ORDER BY tenant
    ON CONFLICT (tenant, kind, lane) DO UPDATE SET removed = totals.removed + excluded.removed;
    RETURN NULL;
END
$$;

-- From here to the commit nobody else writes, so that the first count misses nobody.
CREATE TRIGGER users_added AFTER INSERT ON users
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_added();
CREATE TRIGGER users_removed AFTER DELETE ON users
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_removed();
CREATE TRIGGER groups_added AFTER INSERT ON groups
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_added();
CREATE TRIGGER groups_removed AFTER DELETE ON groups
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_removed();

INSERT INTO totals (tenant, kind, lane, added, removed) SELECT tenant, 'users', 0, count(*), 0 FROM users GROUP BY tenant;
INSERT INTO totals (tenant, kind, lane, added, removed) SELECT tenant, 'groups', 0, count(*), 0 FROM groups GROUP BY tenant;
