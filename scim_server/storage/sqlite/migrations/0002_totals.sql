-- usable from: 1

-- How many users and groups a tenant has, without counting them; kept by triggers.
CREATE TABLE totals (
    tenant  TEXT    NOT NULL,
    kind    TEXT    NOT NULL, -- users or groups
    added   INTEGER NOT NULL, -- both only grow: they tell whether anything came or went
    removed INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER users_added AFTER INSERT ON users BEGIN
    INSERT INTO totals (tenant, kind, added, removed) VALUES (new.tenant, 'users', 1, 0)
    ON CONFLICT (tenant, kind) DO UPDATE SET added = added + 1;
END;

CREATE TRIGGER users_removed AFTER DELETE ON users BEGIN
    UPDATE totals SET removed = removed + 1 WHERE tenant = old.tenant AND kind = 'users';
END;

CREATE TRIGGER groups_added AFTER INSERT ON groups BEGIN
    INSERT INTO totals (tenant, kind, added, removed) VALUES (new.tenant, 'groups', 1, 0)
    ON CONFLICT (tenant, kind) DO UPDATE SET added = added + 1;
END;

CREATE TRIGGER groups_removed AFTER DELETE ON groups BEGIN
    UPDATE totals SET removed = removed + 1 WHERE tenant = old.tenant AND kind = 'groups';
END;

INSERT INTO totals (tenant, kind, added, removed) SELECT tenant, 'users', count(*), 0 FROM users GROUP BY tenant;
INSERT INTO totals (tenant, kind, added, removed) SELECT tenant, 'groups', count(*), 0 FROM groups GROUP BY tenant;
