-- usable from: 10 (sqlite: 11)

-- Of a tenant without a ProvisioningConfig nobody will say how long a user stays blocked.
-- in batches
UPDATE users
SET state = CASE WHEN EXISTS (SELECT 1 FROM tenants t WHERE t.tenant = users.tenant AND t.departed IS NOT NULL)
            THEN 'deactivated' ELSE 'blocked' END
WHERE (tenant, id) IN (SELECT tenant, id FROM users WHERE NOT active AND state = 'active' LIMIT 5000);
