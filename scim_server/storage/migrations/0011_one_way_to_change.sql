-- usable from: 10 (sqlite: 11)

-- The state of a user is stored, and when a blocked one is deactivated. Users who were inactive before are blocked until
-- the server knows how long they stay so: see `tables/tenants.py`.
ALTER TABLE users ADD COLUMN state {text} NOT NULL DEFAULT 'active';
ALTER TABLE users ADD COLUMN deactivate_at {time};
ALTER TABLE tenants ADD COLUMN deactivation_delay {span}; -- NULL: no server has stored it yet

-- Roles that need no group, one a row. `tenants.base_roles` and `tenants.fallback_roles` stay for older servers.
CREATE TABLE default_roles (
    tenant {text} NOT NULL,
    kind   {text} NOT NULL, -- base: of all active users; fallback: of those whom no rule grants a role
    role   {text} NOT NULL,
    PRIMARY KEY (tenant, kind, role)
){table_end};
-- only: postgresql
INSERT INTO default_roles (tenant, kind, role)
SELECT tenant, 'base', unnest(base_roles) FROM tenants UNION SELECT tenant, 'fallback', unnest(fallback_roles) FROM tenants;
-- only: sqlite
INSERT INTO default_roles (tenant, kind, role)
SELECT tenant, 'base', role.value FROM tenants, json_each(base_roles) role
UNION SELECT tenant, 'fallback', role.value FROM tenants, json_each(fallback_roles) role;

-- Users whose roles are to be computed again, those first who may lose one.
ALTER TABLE unsettled RENAME TO pending_users;
ALTER TABLE pending_users ADD COLUMN gains_only {boolean} NOT NULL DEFAULT false;
-- The name by which older servers know it, as long as some run beside newer ones.
-- only: postgresql
CREATE VIEW unsettled AS SELECT tenant, user_id FROM pending_users;

CREATE TABLE tombstones (
    tenant      {text} NOT NULL,
    id          {id}   NOT NULL,
    type        {text} NOT NULL, -- User or Group
    external_id {text},
    user_name   {text},
    deleted     {time} NOT NULL,
    PRIMARY KEY (tenant, id)
){table_end};

CREATE TABLE due (
    tenant  {text} NOT NULL,
    kind    {text} NOT NULL,
    subject {text} NOT NULL, -- the id of a user, say
    at      {time} NOT NULL,
    PRIMARY KEY (tenant, kind, subject)
){table_end};
CREATE INDEX due_at ON due (at, tenant);

-- only: sqlite
DELETE FROM sqlite_stat1 WHERE tbl IN ('unsettled', 'pending_users');
-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('default_roles', 'default_roles', '100 3 2 1'),
    ('pending_users', 'pending_users', '1000000000 1000 1'),
    ('tombstones', 'tombstones', '1000000000 10000 1'),
    ('due', 'due', '1000000000 10000 5000 1'),
    ('due', 'due_at', '1000000000 1 1');
