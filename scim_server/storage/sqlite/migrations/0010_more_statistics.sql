-- usable from: 9

-- A row that was missing, and two with a number more than their index has columns: see 0003_statistics.sql.
DELETE FROM sqlite_stat1 WHERE idx IN ('used_assertions_expires', 'user_provider_roles_user');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('used_assertions', 'used_assertions_expires', '100000 100 1'),
    ('user_provider_roles', 'user_provider_roles_user', '1000000000 100000 2'),
    ('credential_uses', 'credential_uses', '10000 5 1');
