-- usable from: 10 (sqlite: 11)

-- only: postgresql
-- As the function of before, for servers that know of reasons, events and the sync log: nothing is inserted where the
-- tenant's policy isn't the one by which everything was decided, or where the user was there before: was deleted, and
-- is to be told by its id of then, or its deletion is held. `new_reasons`, `new_events` and `new_lines` are JSON arrays
-- of rows.
CREATE FUNCTION insert_active_user(
    tenant_lock          bigint,
    expected_fingerprint text,
    new_tenant           text,
    new_id               uuid,
    new_user_name_key    text,
    new_display_name_key text,
    new_external_id_key  text,
    new_external_id      text,
    now                  timestamptz,
    new_document         text,
    new_folded           jsonb,
    email_keys           text[],
    new_reasons          json,
    true_conditions      text[],
    new_profile          text,
    new_first_values     text,
    new_events           json,
    new_lines            json,
    OUT inserted         boolean
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(tenant_lock);

    inserted := coalesce((SELECT fingerprint FROM tenants WHERE tenant = new_tenant), '') = expected_fingerprint;
    IF inserted AND new_external_id IS NOT NULL THEN
        inserted := NOT EXISTS (
            SELECT FROM tombstones
            WHERE tenant = new_tenant AND type = 'User' AND external_id = new_external_id
        );
    END IF;
    IF inserted THEN
        inserted := NOT EXISTS (
            SELECT FROM held_users
            WHERE tenant = new_tenant
              AND (user_name_key = new_user_name_key OR external_id_key = new_external_id_key)
        );
    END IF;
    IF NOT inserted THEN
        RETURN;
    END IF;

    INSERT INTO users (tenant, id, user_name_key, display_name_key, external_id_key, active, state,
                       created, modified, version, document, folded, profile, profile_version, first_values)
    VALUES (new_tenant, new_id, new_user_name_key, new_display_name_key, new_external_id_key, true, 'active',
            now, now, 1, new_document, new_folded, new_profile, 1, new_first_values)
    ON CONFLICT (tenant, user_name_key) DO NOTHING;
    inserted := FOUND;
    IF NOT inserted THEN
        RETURN;
    END IF;

    IF cardinality(email_keys) > 0 THEN
        INSERT INTO user_emails (tenant, value_key, user_id)
        SELECT new_tenant, value_key, new_id FROM unnest(email_keys) AS value_key;
    END IF;
    IF json_array_length(new_reasons) > 0 THEN
        INSERT INTO user_roles (tenant, user_id, role, since, has_reasons)
        SELECT DISTINCT new_tenant, new_id, role, now, true FROM json_to_recordset(new_reasons) AS r (role text);
        INSERT INTO role_reasons (tenant, user_id, role, source, mapping, rule, group_id, since)
        SELECT new_tenant, new_id, role, source, mapping, rule, '00000000-0000-0000-0000-000000000000', now
        FROM json_to_recordset(new_reasons) AS r (role text, source text, mapping text, rule text);
    END IF;
    IF cardinality(true_conditions) > 0 THEN
        INSERT INTO verdicts (tenant, user_id, condition)
        SELECT new_tenant, new_id, condition FROM unnest(true_conditions) AS condition;
    END IF;

    -- See `tables/events.py`: the floor before the positions.
    PERFORM pg_advisory_xact_lock_shared(event_floor_class(new_tenant), (last_value & 2147483647)::int)
    FROM event_positions;
    INSERT INTO events (tenant, position, id, type, time, user_id, group_id, payload)
    SELECT new_tenant, nextval('event_positions'), e.id, e.type, e.time, e.user_id, e.group_id, e.payload
    FROM json_to_recordset(new_events)
        AS e (id uuid, type text, time timestamptz, user_id uuid, group_id uuid, payload text);
    INSERT INTO sync_log (tenant, time, id, request_id, credential, operation, resource_type, resource_id,
                          resource_name, status, line)
    SELECT new_tenant, e.time, e.id, e.request_id, e.credential, e.operation, e.resource_type, e.resource_id,
           e.resource_name, e.status, e.line
    FROM json_to_recordset(new_lines)
        AS e (id uuid, time timestamptz, request_id text, credential text, operation text, resource_type text,
              resource_id text, resource_name text, status integer, line text);
END
$$;
