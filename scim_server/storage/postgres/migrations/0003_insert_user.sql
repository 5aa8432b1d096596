-- usable from: 1

-- A whole transaction in one round trip. Its statements see what was committed while it waited for the lock, so
-- a user who is added while the rules of the tenant change has the roles of the new ones. False: the name is taken.
CREATE FUNCTION insert_user(
    tenant_lock          bigint,
    new_tenant           text,
    new_id               uuid,
    new_user_name_key    text,
    new_display_name_key text,
    new_external_id_key  text,
    new_active           boolean,
    now                  timestamptz,
    new_document         text,
    new_folded           jsonb,
    email_keys           text[]
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(tenant_lock);

    INSERT INTO users (tenant, id, user_name_key, display_name_key, external_id_key, active, blocked_at,
                       created, modified, version, document, folded)
    VALUES (new_tenant, new_id, new_user_name_key, new_display_name_key, new_external_id_key, new_active,
            CASE WHEN new_active THEN NULL ELSE now END, now, now, 1, new_document, new_folded)
    ON CONFLICT (tenant, user_name_key) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    INSERT INTO user_emails (tenant, value_key, user_id)
    SELECT new_tenant, value_key, new_id FROM unnest(email_keys) AS value_key;

    -- A new user is in no group: its roles are the base and fallback ones, without any look at grants.
    IF new_active THEN
        INSERT INTO user_roles (tenant, user_id, role, since)
        SELECT DISTINCT new_tenant, new_id, role, now
        FROM tenants t, unnest(t.base_roles || t.fallback_roles) AS role
        WHERE t.tenant = new_tenant;
    END IF;
    RETURN true;
END
$$;
