-- usable from: 10 (sqlite: 11)

-- only: postgresql
-- A whole transaction in one round trip: `storage/postgres/new_users.py` says when it is used. Its statements see what
-- was committed while it waited for the lock. Nothing is inserted where the name is taken, or where the roles of a new
-- user aren't the expected ones (ordered by code point), which are returned.
CREATE FUNCTION insert_active_user(
    tenant_lock          bigint,
    new_tenant           text,
    new_id               uuid,
    new_user_name_key    text,
    new_display_name_key text,
    new_external_id_key  text,
    now                  timestamptz,
    new_document         text,
    new_folded           jsonb,
    email_keys           text[],
    expected_roles       text[],
    OUT inserted         boolean,
    OUT first_roles      text[]
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(tenant_lock);

    inserted := false;
    SELECT ARRAY(SELECT DISTINCT role FROM default_roles WHERE tenant = new_tenant ORDER BY role) INTO first_roles;
    IF first_roles <> expected_roles THEN
        RETURN;
    END IF;

    INSERT INTO users (tenant, id, user_name_key, display_name_key, external_id_key, active, state,
                       created, modified, version, document, folded)
    VALUES (new_tenant, new_id, new_user_name_key, new_display_name_key, new_external_id_key, true, 'active',
            now, now, 1, new_document, new_folded)
    ON CONFLICT (tenant, user_name_key) DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    inserted := true;

    IF cardinality(email_keys) > 0 THEN
        INSERT INTO user_emails (tenant, value_key, user_id)
        SELECT new_tenant, value_key, new_id FROM unnest(email_keys) AS value_key;
    END IF;
    IF cardinality(first_roles) > 0 THEN
        INSERT INTO user_roles (tenant, user_id, role, since)
        SELECT new_tenant, new_id, role, now FROM unnest(first_roles) AS role;
    END IF;
END
$$;
