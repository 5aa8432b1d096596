-- usable from: 10 (sqlite: 11)

-- Refused requests that name a user who is erased: there are few without an id.
-- alone
CREATE INDEX {concurrently} sync_log_without_id ON sync_log (tenant, resource_type) WHERE resource_id IS NULL;
