-- usable from: 10 (sqlite: 11)

-- alone
CREATE INDEX {concurrently} tombstones_external_id ON tombstones (tenant, external_id) WHERE external_id IS NOT NULL;
