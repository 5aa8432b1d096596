-- usable from: 1

-- Assertions by which OAuth clients have authenticated: each counts once.
CREATE TABLE used_assertions (
    tenant    TEXT    NOT NULL,
    assertion BLOB    NOT NULL, -- a digest of client and jti
    expires   INTEGER NOT NULL,
    PRIMARY KEY (tenant, assertion)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_assertions_expires ON used_assertions (tenant, expires);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('used_assertions', 'used_assertions', '100000 100 1'),
    ('used_assertions', 'used_assertions_expires', '100000 100 1 1');
