-- usable from: 1 (sqlite: 11)

-- in batches
UPDATE users SET state = 'blocked'
WHERE (tenant, id) IN (SELECT tenant, id FROM users WHERE NOT active AND state = 'active' LIMIT 5000);
