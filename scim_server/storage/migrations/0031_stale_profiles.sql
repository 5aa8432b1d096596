-- usable from: 10 (sqlite: 11)

-- Users whose profile wasn't computed for what they are now.
-- alone
CREATE INDEX {concurrently} users_stale_profile ON users (tenant, id) WHERE profile_version <> version;
