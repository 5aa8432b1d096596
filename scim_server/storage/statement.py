"""Statements of both databases, written once in the words of `dialect`."""

from scim_server.storage.dialect import POSTGRES, SQLITE


class Statement:
    """One statement. `$1` is the tenant wherever a look-up (`{at:…}`) stands."""

    __slots__ = ("postgres", "sqlite")

    def __init__(self, text: str) -> None:
        self.postgres = text.format_map(POSTGRES)
        self.sqlite = text.format_map(SQLITE)


class Together:
    """Statements that share their parameters, of which none sees what another one changes.

    PostgreSQL runs them as one statement, so in one round trip. SQLite runs them one after the other. `tables` are
    common table expressions that all of them read. Rows are returned by those that select or end in RETURNING,
    all of them with the same columns.
    """

    __slots__ = ("postgres", "returning", "sqlite")

    @classmethod
    def either(cls, *, postgres: "Together", sqlite: "Together") -> "Together":
        """Where they can't be written in one text; they return the same."""
        both = cls()
        both.postgres, both.returning, both.sqlite = postgres.postgres, postgres.returning, sqlite.sqlite
        return both

    def __init__(self, tables: str = "", /, **statements: str) -> None:
        parts = [tables.strip()] if tables else []
        parts += [f"{name}_rows AS ({statement.strip()})" for name, statement in statements.items()]
        self.returning = tuple(name for name, statement in statements.items() if _returns(statement))
        answers = [f"SELECT '{name}' AS statement, {name}_rows.* FROM {name}_rows" for name in self.returning]
        answer = " UNION ALL ".join(answers) or "SELECT 1 WHERE false"
        self.postgres = f"WITH RECURSIVE {', '.join(parts)} {answer}".format_map(POSTGRES)
        start = f"WITH RECURSIVE {tables.strip()} " if tables else ""
        self.sqlite = tuple(
            (name, (start + statement.strip()).format_map(SQLITE)) for name, statement in statements.items()
        )


def _returns(statement: str) -> bool:
    return statement.lstrip().startswith("SELECT") or "RETURNING" in statement
