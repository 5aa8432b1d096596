-- usable from: 1

-- A tenant's data outlive its ProvisioningConfig. The row stays, also when all data are erased: the highest revision of
-- all rows is the oldest configuration that a server may still take.
ALTER TABLE tenants
    ADD COLUMN uid          text,        -- of the ProvisioningConfig, where there is a cluster
    ADD COLUMN departed     timestamptz, -- since when there is no ProvisioningConfig of this name
    ADD COLUMN erase_at     timestamptz, -- when its data are erased; NULL with `departed`: they are
    ADD COLUMN returned     timestamptz, -- since when another ProvisioningConfig has this name
    ADD COLUMN former_users bigint;      -- how many users there were then
