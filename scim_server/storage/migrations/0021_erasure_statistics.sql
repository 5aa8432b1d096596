-- usable from: 10 (sqlite: 11)

-- only: sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('sync_log', 'sync_log_without_id', '1000000000 1000 500'),
    ('tombstones', 'tombstones_external_id', '1000000000 10000 1');
