-- usable from: 10 (sqlite: 11)

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('pending_users', 'pending_users_order', '1000000000 1000 500 1'),
    ('users', 'users_blocked', '1000000000 1000 1'),
    ('users', 'users_unlike_state', '1000000000 10 1');
