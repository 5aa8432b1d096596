-- usable from: 10 (sqlite: 11)

-- alone
CREATE INDEX {concurrently} users_blocked ON users (tenant, id) WHERE state = 'blocked';
