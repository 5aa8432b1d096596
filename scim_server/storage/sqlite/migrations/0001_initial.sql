-- usable from: 1

-- Times are microseconds since 1970-01-01 UTC, ids canonical lower-case UUIDs, documents JSON.

CREATE TABLE tenants (
    tenant         TEXT PRIMARY KEY,
    revision       INTEGER NOT NULL,
    fingerprint    TEXT    NOT NULL,
    rules          TEXT    NOT NULL,
    base_roles     TEXT    NOT NULL, -- JSON arrays of names
    fallback_roles TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    tenant           TEXT    NOT NULL,
    id               TEXT    NOT NULL,
    user_name_key    TEXT    NOT NULL,
    display_name_key TEXT,
    external_id_key  TEXT,
    active           INTEGER NOT NULL,
    blocked_at       INTEGER,
    created          INTEGER NOT NULL,
    modified         INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    document         TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE UNIQUE INDEX users_user_name ON users (tenant, user_name_key);
CREATE INDEX users_display_name ON users (tenant, display_name_key) WHERE display_name_key IS NOT NULL;
CREATE INDEX users_external_id ON users (tenant, external_id_key) WHERE external_id_key IS NOT NULL;
CREATE INDEX users_created ON users (tenant, created, id);
CREATE INDEX users_modified ON users (tenant, modified);
CREATE INDEX users_inactive ON users (tenant, created, id) WHERE NOT active;

CREATE TABLE user_emails (
    tenant    TEXT NOT NULL,
    value_key TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    PRIMARY KEY (tenant, value_key, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_emails_user ON user_emails (tenant, user_id);

CREATE TABLE groups (
    tenant           TEXT    NOT NULL,
    id               TEXT    NOT NULL,
    display_name_key TEXT    NOT NULL,
    external_id_key  TEXT,
    created          INTEGER NOT NULL,
    modified         INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    document         TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE UNIQUE INDEX groups_display_name ON groups (tenant, display_name_key);
CREATE INDEX groups_external_id ON groups (tenant, external_id_key) WHERE external_id_key IS NOT NULL;
CREATE INDEX groups_created ON groups (tenant, created, id);
CREATE INDEX groups_modified ON groups (tenant, modified);

CREATE TABLE memberships (
    tenant   TEXT NOT NULL,
    group_id TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    PRIMARY KEY (tenant, group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_user ON memberships (tenant, user_id, group_id);

CREATE TABLE nestings (
    tenant   TEXT NOT NULL,
    group_id TEXT NOT NULL,
    child_id TEXT NOT NULL,
    PRIMARY KEY (tenant, group_id, child_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX nestings_child ON nestings (tenant, child_id, group_id);

CREATE TABLE grants (
    tenant   TEXT NOT NULL,
    group_id TEXT NOT NULL,
    mapping  TEXT NOT NULL,
    rule     TEXT NOT NULL,
    role     TEXT NOT NULL,
    PRIMARY KEY (tenant, group_id, mapping, rule, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_roles (
    tenant  TEXT    NOT NULL,
    user_id TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    since   INTEGER NOT NULL,
    PRIMARY KEY (tenant, user_id, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_roles_role ON user_roles (tenant, role, user_id);

CREATE TABLE unsettled (
    tenant  TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (tenant, user_id)
) STRICT, WITHOUT ROWID;
