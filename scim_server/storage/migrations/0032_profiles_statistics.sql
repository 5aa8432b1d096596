-- usable from: 10 (sqlite: 11)

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('users', 'users_stale_profile', '1000000000 10 1'),
    ('pending_profiles', 'pending_profiles', '1000000000 2 1');
