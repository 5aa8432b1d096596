-- usable from: 10 (sqlite: 11)

-- A grant of a rule with `when` has a condition, one with a window is open or not: see `tables/grants.py`.
ALTER TABLE grants ADD COLUMN condition {text} NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN not_before {time};
ALTER TABLE grants ADD COLUMN not_after {time};
ALTER TABLE grants ADD COLUMN open {boolean} NOT NULL DEFAULT true;

-- Grants to all users, but for those of `default_roles`, which older servers know.
CREATE TABLE general_grants (
    tenant     {text}    NOT NULL,
    source     {text}    NOT NULL, -- '' of a rule without groups, or provider
    mapping    {text}    NOT NULL,
    rule       {text}    NOT NULL,
    role       {text}    NOT NULL,
    condition  {text}    NOT NULL,
    not_before {time},
    not_after  {time},
    open       {boolean} NOT NULL,
    PRIMARY KEY (tenant, source, mapping, rule, role)
){table_end};

-- Conditions that are true for a user.
CREATE TABLE verdicts (
    tenant    {text} NOT NULL,
    user_id   {id}   NOT NULL,
    condition {text} NOT NULL,
    PRIMARY KEY (tenant, user_id, condition)
){table_end};

-- Why a user has a role. Sources, mappings and rules that there aren't are '', groups the first id.
CREATE TABLE role_reasons (
    tenant   {text} NOT NULL,
    user_id  {id}   NOT NULL,
    role     {text} NOT NULL,
    source   {text} NOT NULL, -- '' (a rule), base, fallback or provider
    mapping  {text} NOT NULL,
    rule     {text} NOT NULL,
    group_id {id}   NOT NULL,
    since    {time} NOT NULL,
    PRIMARY KEY (tenant, user_id, role, source, mapping, rule, group_id)
){table_end};

-- Grants that rules no longer give, and whose loss is held: they keep the reasons that users have by them.
CREATE TABLE held_grants (
    tenant   {text} NOT NULL,
    group_id {id}   NOT NULL,
    source   {text} NOT NULL,
    mapping  {text} NOT NULL,
    rule     {text} NOT NULL,
    role     {text} NOT NULL,
    hold     {text} NOT NULL,
    PRIMARY KEY (tenant, group_id, source, mapping, rule, role, hold)
){table_end};
CREATE INDEX held_grants_hold ON held_grants (tenant, hold);

-- Roles that a server has given who doesn't know of reasons: all of before, and those of older servers beside newer ones.
ALTER TABLE user_roles ADD COLUMN has_reasons {boolean} NOT NULL DEFAULT false;

-- Conditions are to be evaluated for these users before their roles are computed.
ALTER TABLE pending_users ADD COLUMN evaluate {boolean} NOT NULL DEFAULT false;

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('general_grants', 'general_grants', '100 10 5 5 2 1'),
    ('verdicts', 'verdicts', '1000000000 100000 2 1'),
    ('role_reasons', 'role_reasons', '1000000000 500000 5 2 2 2 2 1'),
    ('held_grants', 'held_grants', '1000 100 5 5 3 2 1 1'),
    ('held_grants', 'held_grants_hold', '1000 100 50');
