"""Which statements of a migration would keep writers of a large PostgreSQL table waiting for long.

Such a statement holds a lock that writers wait for while it reads or writes all rows, or changes all rows in one
transaction. Others take strong locks too, but give them back at once.
"""

import re
from collections.abc import Iterator

SMALL_TABLES = frozenset({"tenants", "totals", "schema_migrations"})
"""With a few rows for each tenant."""

_STATEMENT = re.compile(r"(?:\$\$.*?\$\$|--[^\n]*|'[^']*'|[^;$'-]|[$-])*;", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*")
_CREATED_TABLE = re.compile(r"\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)
_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (?P<manner>CONCURRENTLY|\{concurrently\})?.*? ON (?P<table>\w+)")
_CHANGE = re.compile(r"(?:UPDATE|DELETE FROM) (?P<table>\w+)")
_READ_BY_INSERT = re.compile(r"\b(?:FROM|JOIN) (?P<table>\w+)")
_ALTERED = re.compile(r"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?(?P<table>\w+) (?P<actions>.*)")
_SHORT_ACTION = re.compile(
    r"RENAME .*|DROP COLUMN .*|DROP CONSTRAINT .*|VALIDATE CONSTRAINT .*|ADD CONSTRAINT .* NOT VALID"
    r"|ALTER (?:COLUMN )?\w+ (?:DROP NOT NULL|DROP DEFAULT|SET DEFAULT .*)"
    r"|ADD (?:COLUMN )?(?!CONSTRAINT\b|PRIMARY\b|UNIQUE\b|CHECK\b|FOREIGN\b|EXCLUDE\b)\w+ "
    r"(?!.*(?:UNIQUE|PRIMARY KEY|REFERENCES|CHECK|GENERATED|\(\))).*"
)
"""A default may be no call: that of a volatile function rewrites the table."""
_SHORT = re.compile(
    r"CREATE (?:TABLE|SEQUENCE)|SELECT setval|CREATE (?:OR REPLACE )?(?:FUNCTION|TRIGGER|VIEW)"
    r"|DROP (?:TABLE|FUNCTION|TRIGGER|VIEW|INDEX)"
    r"|ALTER (?:FUNCTION|INDEX|VIEW)|COMMENT ON|INSERT INTO"
)


def blocking_statements(migration: str) -> list[str]:
    """What is wrong with each statement that blocks writers for long; none of a good migration."""
    new_tables = {match[1] for match in _CREATED_TABLE.finditer(migration)}
    return [
        f"{fault}: {statement}"
        for marks, statement in _statements(migration)
        if "only: sqlite" not in marks and (fault := _fault(statement, marks, SMALL_TABLES | new_tables))
    ]


def _statements(sql: str) -> Iterator[tuple[set[str], str]]:
    """Each on one line, after what the comments before it say."""
    for match in _STATEMENT.finditer(sql):
        comments = {line.removeprefix("--").strip() for line in _COMMENT.findall(match[0])}
        yield comments, " ".join(_COMMENT.sub("", match[0]).rstrip(";").split())


def _fault(statement: str, marks: set[str], small: frozenset[str] | set[str]) -> str | None:
    if index := _INDEX.match(statement):
        if index["manner"] is None:
            return None if index["table"] in small else "an index of a table with rows is made CONCURRENTLY"
        return None if "alone" in marks else "what is made CONCURRENTLY is marked `-- alone`"
    if change := _CHANGE.match(statement):
        in_batches = "in batches" in marks and re.search(r"\bLIMIT \d+", statement)
        return None if in_batches or change["table"] in small else "rows are changed in batches, with a LIMIT"
    if altered := _ALTERED.match(statement):
        actions = re.split(r", (?=ADD|DROP|ALTER|RENAME|VALIDATE|SET)", altered["actions"])
        short = altered["table"] in small or all(map(_SHORT_ACTION.fullmatch, actions))
        return None if short else "the table would be read or written whole"
    if _SHORT.match(statement) is None:
        return "not known to be short"
    if statement.startswith("INSERT INTO"):
        read = {match["table"] for match in _READ_BY_INSERT.finditer(statement)} - small - {"json_each"}
        return "rows are copied in batches" if read and "in batches" not in marks else None
    return None
