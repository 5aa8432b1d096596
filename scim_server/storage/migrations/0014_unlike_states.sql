-- usable from: 10 (sqlite: 11)

-- Users whom a server of an older version sets active or inactive while newer ones run: see `tables/users.py`.
-- alone
CREATE INDEX {concurrently} users_unlike_state ON users (tenant, id) WHERE active <> (state = 'active');
