-- usable from: 10 (sqlite: 11)

-- The profile of a user, and the version of the user that it was computed for: see `tables/profiles.py`. Those of
-- existing users are computed in the background, and for a reader until then.
ALTER TABLE users ADD COLUMN profile {text};
ALTER TABLE users ADD COLUMN profile_version {integer} NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN first_values {text}; -- of attributes that are set once

-- Walks through all users of a tenant, those after `after`, whose profiles are computed again.
CREATE TABLE pending_profiles (
    tenant {text} NOT NULL,
    walk   {id}   NOT NULL,
    after  {id}   NOT NULL, -- the id of a user
    PRIMARY KEY (tenant, walk)
){table_end};

-- Which has the columns of `users`, in the same order.
ALTER TABLE held_users ADD COLUMN profile {text};
ALTER TABLE held_users ADD COLUMN profile_version {integer} NOT NULL DEFAULT 0;
ALTER TABLE held_users ADD COLUMN first_values {text};
