-- usable from: 10 (sqlite: 11)

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('user_roles', 'user_roles_without_reasons', '1000000000 1000 3');
