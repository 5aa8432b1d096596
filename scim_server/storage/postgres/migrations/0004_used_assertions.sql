-- usable from: 1

-- Assertions by which OAuth clients have authenticated: each counts once, whichever replica it is sent to.
CREATE TABLE used_assertions (
    tenant    text COLLATE "C" NOT NULL,
    assertion bytea       NOT NULL, -- a digest of client and jti
    expires   timestamptz NOT NULL,
    PRIMARY KEY (tenant, assertion)
);
CREATE INDEX used_assertions_expires ON used_assertions (tenant, expires);
