-- usable from: 1

-- When each credential was used last. Rows of credentials that a tenant no longer has stay: they are contacts of it.
CREATE TABLE credential_uses (
    tenant     text COLLATE "C" NOT NULL,
    credential text COLLATE "C" NOT NULL,
    used       timestamptz      NOT NULL,
    PRIMARY KEY (tenant, credential)
);
