-- usable from: 1

-- A sorted list wants all users and groups in the index, also those without a value: they come last.
CREATE INDEX users_by_display_name ON users (tenant, display_name_key);
DROP INDEX users_display_name;
ALTER INDEX users_by_display_name RENAME TO users_display_name;
CREATE INDEX users_by_external_id ON users (tenant, external_id_key);
DROP INDEX users_external_id;
ALTER INDEX users_by_external_id RENAME TO users_external_id;
CREATE INDEX groups_by_external_id ON groups (tenant, external_id_key);
DROP INDEX groups_external_id;
ALTER INDEX groups_by_external_id RENAME TO groups_external_id;

-- Users by `roles.value`. The tenant is in each key, so that a look-up reads nothing of others. Keys are digests, which
-- are short whatever the role is called; who asks compares the document as well.
CREATE FUNCTION provider_role_key(tenant text, role text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT hashtextextended(tenant || chr(10) || role, 0) $$;

CREATE FUNCTION provider_role_keys(tenant text, folded jsonb) RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(hashtextextended(tenant || chr(10) || (role ->> 'value'), 0))
    FROM jsonb_array_elements(CASE jsonb_typeof(folded -> 'roles') WHEN 'array' THEN folded -> 'roles' END) AS role
$$;

CREATE INDEX users_provider_roles ON users USING gin (provider_role_keys(tenant, folded)) WITH (fastupdate = off)
WHERE folded ? 'roles';
