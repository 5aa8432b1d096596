-- usable from: 1

CREATE TABLE tenants (
    tenant         text COLLATE "C" PRIMARY KEY,
    revision       bigint NOT NULL,
    fingerprint    text   NOT NULL,
    rules          text   NOT NULL,
    base_roles     text[] NOT NULL,
    fallback_roles text[] NOT NULL
);

CREATE TABLE users (
    tenant           text        COLLATE "C" NOT NULL,
    id               uuid        NOT NULL,
    user_name_key    text        COLLATE "C" NOT NULL,
    display_name_key text        COLLATE "C",
    external_id_key  text        COLLATE "C",
    active           boolean     NOT NULL,
    blocked_at       timestamptz,
    created          timestamptz NOT NULL,
    modified         timestamptz NOT NULL,
    version          bigint      NOT NULL,
    document         text        NOT NULL, -- as it is answered: read far more often than searched
    folded           jsonb       NOT NULL, -- the same with every string folded: what filters read
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX users_user_name ON users (tenant, user_name_key);
CREATE INDEX users_display_name ON users (tenant, display_name_key) WHERE display_name_key IS NOT NULL;
CREATE INDEX users_external_id ON users (tenant, external_id_key) WHERE external_id_key IS NOT NULL;
CREATE INDEX users_created ON users (tenant, created, id);
CREATE INDEX users_modified ON users (tenant, modified);
CREATE INDEX users_inactive ON users (tenant, created, id) WHERE NOT active;

CREATE TABLE user_emails (
    tenant    text COLLATE "C" NOT NULL,
    value_key text COLLATE "C" NOT NULL,
    user_id   uuid NOT NULL,
    PRIMARY KEY (tenant, value_key, user_id)
);
CREATE INDEX user_emails_user ON user_emails (tenant, user_id);

CREATE TABLE groups (
    tenant           text        COLLATE "C" NOT NULL,
    id               uuid        NOT NULL,
    display_name_key text        COLLATE "C" NOT NULL,
    external_id_key  text        COLLATE "C",
    created          timestamptz NOT NULL,
    modified         timestamptz NOT NULL,
    version          bigint      NOT NULL,
    document         text        NOT NULL,
    folded           jsonb       NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX groups_display_name ON groups (tenant, display_name_key);
CREATE INDEX groups_external_id ON groups (tenant, external_id_key) WHERE external_id_key IS NOT NULL;
CREATE INDEX groups_created ON groups (tenant, created, id);
CREATE INDEX groups_modified ON groups (tenant, modified);

-- Rows that refer to users and groups have no foreign keys: whoever adds one holds the lock of the row that it
-- refers to (see storage/protocol.py), and checking again doubles the cost of a group of 100,000 members.

CREATE TABLE memberships (
    tenant   text COLLATE "C" NOT NULL,
    group_id uuid NOT NULL,
    user_id  uuid NOT NULL,
    PRIMARY KEY (tenant, group_id, user_id)
);
CREATE INDEX memberships_user ON memberships (tenant, user_id, group_id);

CREATE TABLE nestings (
    tenant   text COLLATE "C" NOT NULL,
    group_id uuid NOT NULL,
    child_id uuid NOT NULL,
    PRIMARY KEY (tenant, group_id, child_id)
);
CREATE INDEX nestings_child ON nestings (tenant, child_id, group_id);

CREATE TABLE grants (
    tenant   text COLLATE "C" NOT NULL,
    group_id uuid NOT NULL,
    mapping  text COLLATE "C" NOT NULL,
    rule     text COLLATE "C" NOT NULL,
    role     text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, group_id, mapping, rule, role)
);

CREATE TABLE user_roles (
    tenant  text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    role    text COLLATE "C" NOT NULL,
    since   timestamptz NOT NULL,
    PRIMARY KEY (tenant, user_id, role)
);
CREATE INDEX user_roles_role ON user_roles (tenant, role, user_id);

CREATE TABLE unsettled (
    tenant  text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (tenant, user_id)
);

-- A dateTime of a document as an instant, NULL where it isn't one. STABLE: sessions of the server are in UTC.
CREATE FUNCTION instant(value text) RETURNS timestamptz LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    IF value !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?$' THEN
        RETURN NULL;
    END IF;
    RETURN replace(value, ',', '.')::timestamptz;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;
