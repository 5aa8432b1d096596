"""Moving a database from SQLite to PostgreSQL: every row, or none.

Tables and columns are read from both databases, so that what a migration adds is copied too. Only what each database
has for itself is known here (`tables`).
"""

from scim_server.storage.copying.copy import CopyFailed, copy_to_postgres

__all__ = ["CopyFailed", "copy_to_postgres"]
