-- usable from: 10 (sqlite: 11)

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('users', 'users_held', '10000 100 50 1');
