-- usable from: 10 (sqlite: 11)

-- Expressions of attributes that failed for the user, as JSON: [mapping, target, reason] each. NULL: none.
ALTER TABLE users ADD COLUMN profile_failures {text};
ALTER TABLE held_users ADD COLUMN profile_failures {text};
