-- usable from: 10 (sqlite: 11)

-- alone
CREATE INDEX {concurrently} users_held ON users (tenant, hold, id) WHERE hold IS NOT NULL;
