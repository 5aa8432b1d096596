-- usable from: 1

-- Users by `roles.value`, kept by triggers, which do nothing for users without roles. `fold` is the server's own
-- function (see connection.py): whoever else writes users has to have it.
CREATE TABLE user_provider_roles (
    tenant    TEXT NOT NULL,
    value_key TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    PRIMARY KEY (tenant, value_key, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_provider_roles_user ON user_provider_roles (tenant, user_id);

CREATE VIEW provider_roles AS
SELECT DISTINCT users.tenant, users.id AS user_id, fold(json_extract(role.value, '$.value')) AS value_key
FROM users, json_each(users.document, '$.roles') AS role
WHERE CASE role.type WHEN 'object' THEN json_type(role.value, '$.value') END = 'text';

CREATE TRIGGER users_provider_roles_added AFTER INSERT ON users
WHEN json_extract(new.document, '$.roles') IS NOT NULL BEGIN
    INSERT INTO user_provider_roles (tenant, value_key, user_id)
    SELECT tenant, value_key, user_id FROM provider_roles WHERE tenant = new.tenant AND user_id = new.id;
END;

CREATE TRIGGER users_provider_roles_changed AFTER UPDATE OF document ON users
WHEN json_extract(new.document, '$.roles') IS NOT json_extract(old.document, '$.roles') BEGIN
    DELETE FROM user_provider_roles WHERE tenant = new.tenant AND user_id = new.id;
    INSERT INTO user_provider_roles (tenant, value_key, user_id)
    SELECT tenant, value_key, user_id FROM provider_roles WHERE tenant = new.tenant AND user_id = new.id;
END;

CREATE TRIGGER users_provider_roles_removed AFTER DELETE ON users
WHEN json_extract(old.document, '$.roles') IS NOT NULL BEGIN
    DELETE FROM user_provider_roles WHERE tenant = old.tenant AND user_id = old.id;
END;

INSERT INTO user_provider_roles (tenant, value_key, user_id)
SELECT tenant, value_key, user_id FROM provider_roles;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('user_provider_roles', 'user_provider_roles', '1000000000 100000 1000 1'),
    ('user_provider_roles', 'user_provider_roles_user', '1000000000 100000 2 1');
