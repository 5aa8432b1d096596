-- usable from: 10 (sqlite: 11)

-- The hold that stands between `active`, the provider's word, and `state`: see `storage/tables/guards.py`. A server of an older
-- version that runs beside newer ones knows of no hold, and deactivates.
ALTER TABLE users ADD COLUMN hold {text};

-- The deactivations of the last hour, say: a row that only deactivations touch.
CREATE TABLE guards (
    tenant        {text} NOT NULL PRIMARY KEY,
    deactivations {text} NOT NULL -- JSON: see `provisioning.guards.Window`
){table_end};

CREATE TABLE holds (
    tenant     {text} NOT NULL,
    id         {text} NOT NULL,
    kind       {text} NOT NULL, -- deactivations, roles or protected
    since      {time} NOT NULL,
    expires    {time}, -- NULL: never
    decision   {text}, -- Apply or Discard, while it is worked off
    decided_by {text}, -- decision or hold: the cause of what follows
    users      {integer}, -- of roles: how many lose one
    PRIMARY KEY (tenant, id)
){table_end};

-- Users whose deletion is held: gone for the provider, there for applications. The columns are those of `users`, in the
-- same order.
-- only: postgresql
CREATE TABLE held_users (LIKE users INCLUDING DEFAULTS, PRIMARY KEY (tenant, id));
-- only: sqlite
CREATE TABLE held_users (
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
    state            TEXT    NOT NULL DEFAULT 'active',
    deactivate_at    INTEGER,
    hold             TEXT,
    PRIMARY KEY (tenant, id)
) STRICT;

-- The groups that they were in.
CREATE TABLE held_memberships (
    tenant   {text} NOT NULL,
    user_id  {id}   NOT NULL,
    group_id {id}   NOT NULL,
    PRIMARY KEY (tenant, user_id, group_id)
){table_end};

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('guards', 'guards', '1000 1'),
    ('holds', 'holds', '1000 3 1'),
    ('held_users', 'sqlite_autoindex_held_users_1', '10000 100 1'),
    ('held_memberships', 'held_memberships', '100000 1000 10 1');
