-- usable from: 1

-- When each credential was used last. Rows of credentials that a tenant no longer has stay: they are contacts of it.
CREATE TABLE credential_uses (
    tenant     TEXT    NOT NULL,
    credential TEXT    NOT NULL,
    used       INTEGER NOT NULL,
    PRIMARY KEY (tenant, credential)
) STRICT, WITHOUT ROWID;
