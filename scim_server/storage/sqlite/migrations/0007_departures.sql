-- usable from: 1

-- A tenant's data outlive its ProvisioningConfig. The row stays, also when all data are erased: the highest revision of
-- all rows is the oldest configuration that a server may still take.
ALTER TABLE tenants ADD COLUMN uid TEXT;             -- of the ProvisioningConfig, where there is a cluster
ALTER TABLE tenants ADD COLUMN departed INTEGER;     -- since when there is no ProvisioningConfig of this name
ALTER TABLE tenants ADD COLUMN erase_at INTEGER;     -- when its data are erased; NULL with `departed`: they are
ALTER TABLE tenants ADD COLUMN returned INTEGER;     -- since when another ProvisioningConfig has this name
ALTER TABLE tenants ADD COLUMN former_users INTEGER; -- how many users there were then
