-- usable from: 1 (sqlite: 11)

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('users', 'users_blocked', '1000000000 1000 1'),
    ('users', 'users_unlike_state', '1000000000 10 1');
