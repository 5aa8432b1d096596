-- usable from: 1

-- Changes are counted too, so that the sums tell whether anything happened at all: times can't.
ALTER TABLE totals ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER users_changed AFTER UPDATE ON users BEGIN
    UPDATE totals SET changed = changed + 1 WHERE tenant = new.tenant AND kind = 'users';
END;

CREATE TRIGGER groups_changed AFTER UPDATE ON groups BEGIN
    UPDATE totals SET changed = changed + 1 WHERE tenant = new.tenant AND kind = 'groups';
END;
