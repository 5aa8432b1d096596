-- usable from: 10 (sqlite: 11)

-- alone
CREATE INDEX {concurrently} users_profile_failures ON users (tenant, id) WHERE profile_failures IS NOT NULL;
