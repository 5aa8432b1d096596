-- usable from: 10 (sqlite: 11)

-- alone
CREATE INDEX {concurrently} pending_users_order ON pending_users (tenant, gains_only, user_id);
