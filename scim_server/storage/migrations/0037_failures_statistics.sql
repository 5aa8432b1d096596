-- usable from: 10 (sqlite: 11)

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_profile_failures', '1000000000 100 1');
