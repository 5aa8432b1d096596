-- usable from: 10 (sqlite: 11)

-- alone
CREATE INDEX {concurrently} user_roles_without_reasons ON user_roles (tenant, user_id) WHERE NOT has_reasons;
