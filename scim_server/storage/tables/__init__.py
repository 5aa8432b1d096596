"""A file for each table: its statements, and functions over a session or a transaction."""
