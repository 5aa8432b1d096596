-- usable from: 1

-- What the planner should expect, written down instead of measured (https://www.sqlite.org/optoverview.html
-- #manual_control_of_query_plans_using_sqlite_stat_tables): a tenant is large, a key is one row. Without it, the
-- planner takes the tenant alone for selective, and walks through all users to find one. Each row: table, index,
-- and how many rows there are in all, then with one value of the first column, of the first two, and so on.
ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('tenants', 'tenants', '10 1'),
    ('totals', 'totals', '20 2 1'),
    ('users', 'sqlite_autoindex_users_1', '100000 100000 1'),
    ('users', 'users_user_name', '100000 100000 1'),
    ('users', 'users_display_name', '100000 100000 2'),
    ('users', 'users_external_id', '100000 100000 1'),
    ('users', 'users_created', '100000 100000 1 1'),
    ('users', 'users_modified', '100000 100000 1'),
    ('users', 'users_inactive', '5000 5000 1 1'),
    ('user_emails', 'user_emails', '100000 100000 1 1'),
    ('user_emails', 'user_emails_user', '100000 100000 1'),
    ('groups', 'sqlite_autoindex_groups_1', '10000 10000 1'),
    ('groups', 'groups_display_name', '10000 10000 1'),
    ('groups', 'groups_external_id', '10000 10000 1'),
    ('groups', 'groups_created', '10000 10000 1 1'),
    ('groups', 'groups_modified', '10000 10000 1'),
    ('memberships', 'memberships', '500000 500000 50 1'),
    ('memberships', 'memberships_user', '500000 500000 5 1'),
    ('nestings', 'nestings', '1000 1000 5 1'),
    ('nestings', 'nestings_child', '1000 1000 2 1'),
    ('grants', 'grants', '1000 1000 2 2 1 1'),
    ('user_roles', 'user_roles', '300000 300000 3 1'),
    ('user_roles', 'user_roles_role', '300000 300000 10000 1'),
    ('unsettled', 'unsettled', '1000 1000 1');
