"""The only place with SQL: one protocol, two implementations (PostgreSQL, SQLite), their migrations."""
