-- usable from: 1

-- What the planner should expect, written down instead of measured (section "Manual Control Of Query Plans Using
-- SQLITE_STAT Tables" of SQLite's query planner overview): many tenants, each large, and a key is one row. Without
-- it the planner takes the tenant alone for selective, and walks through all users to find one; and it reads whole
-- tables into Bloom filters where it believes them to be small.
-- Each row: table, index, how many rows there are in all, with one value of the first column, of the first two, …
ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('tenants', 'tenants', '10 1'),
    ('totals', 'totals', '20 2 1'),
    ('users', 'sqlite_autoindex_users_1', '1000000000 100000 1'),
    ('users', 'users_user_name', '1000000000 100000 1'),
    ('users', 'users_display_name', '1000000000 100000 2'),
    ('users', 'users_external_id', '1000000000 100000 1'),
    ('users', 'users_created', '1000000000 100000 1 1'),
    ('users', 'users_modified', '1000000000 100000 1'),
    ('users', 'users_inactive', '1000000000 5000 1 1'),
    ('user_emails', 'user_emails', '1000000000 100000 1 1'),
    ('user_emails', 'user_emails_user', '1000000000 100000 1'),
    ('groups', 'sqlite_autoindex_groups_1', '1000000000 10000 1'),
    ('groups', 'groups_display_name', '1000000000 10000 1'),
    ('groups', 'groups_external_id', '1000000000 10000 1'),
    ('groups', 'groups_created', '1000000000 10000 1 1'),
    ('groups', 'groups_modified', '1000000000 10000 1'),
    ('memberships', 'memberships', '1000000000 500000 50 1'),
    ('memberships', 'memberships_user', '1000000000 500000 5 1'),
    ('nestings', 'nestings', '1000000000 1000 5 1'),
    ('nestings', 'nestings_child', '1000000000 1000 2 1'),
    ('grants', 'grants', '1000000000 1000 2 2 1 1'),
    ('user_roles', 'user_roles', '1000000000 300000 3 1'),
    ('user_roles', 'user_roles_role', '1000000000 300000 10000 1'),
    ('unsettled', 'unsettled', '1000000000 1000 1');
