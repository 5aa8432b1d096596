"""How the two databases say the same thing: the words of which statements and tables are written.

A statement is a format string. `{lock}` is a word; `{ids:$2 asked}` is a word with an argument. Both databases take
`$1`, `$2`, … for parameters. A statement that can't be written with these words is written twice, in the file of its
table, with the reason.

Some words keep PostgreSQL's planner from guessing. Where statistics are missing or old it takes a small list for
large and reads whole tables: `{at:…}`, `{left_at:…}` and `{any:…}` make it look into the index for each row on the
left.

`{postgres:…}` is for the column `folded`: PostgreSQL searches a copy of the document in which every string is folded,
SQLite folds what it reads.
"""

import re
from collections.abc import Callable, Mapping


class _Word:
    """A word whose text depends on its argument."""

    def __init__(self, write: Callable[[str], str]) -> None:
        self._write = write

    def __format__(self, argument: str) -> str:
        return self._write(argument)


def _type(name: str, cast: bool = True) -> _Word:
    """`{id}` is the name of the type, `{id:$2}` a parameter of it."""
    return _Word(lambda parameter: (f"{parameter}::{name.split()[0]}" if cast else parameter) if parameter else name)


_LOOK_UP = re.compile(r"(\w+) (\w+) \((.+)\)")


def _look_up(argument: str) -> tuple[str, str, list[tuple[str, str]]]:
    """`grants a (group_id = r.group_id)`: table, alias, and what each column of its index has to be."""
    parts = _LOOK_UP.fullmatch(argument)
    if parts is None:
        raise ValueError(f"TABLE ALIAS (COLUMN = VALUE AND …) is expected: {argument}")
    terms = (term.split(" = ") for term in parts[3].split(" AND "))
    return parts[1], parts[2], [(column, value) for column, value in terms]


def _postgres_look_up(join: str, on: str) -> _Word:
    def write(argument: str) -> str:
        table, alias, terms = _look_up(argument)
        where = " AND ".join(["tenant = $1", *(f"{column} = {value}" for column, value in terms)])
        return f"{join} JOIN LATERAL (SELECT * FROM {table} WHERE {where} OFFSET 0) AS {alias}{on}"

    return _Word(write)


def _sqlite_look_up(join: str) -> _Word:
    def write(argument: str) -> str:
        table, alias, terms = _look_up(argument)
        on = " AND ".join([f"{alias}.tenant = $1", *(f"{alias}.{column} = {value}" for column, value in terms)])
        return f"{join} JOIN {table} AS {alias} ON {on}"

    return _Word(write)


_ROWS = re.compile(r"(\$\d+) (\w+) \((.+)\)")


def _columns(argument: str) -> tuple[str, str, list[tuple[str, str]]]:
    """`$2 e (id id, name text)`: parameter, alias, and each column with its type."""
    parts = _ROWS.fullmatch(" ".join(argument.split()))
    if parts is None:
        raise ValueError(f"PARAMETER ALIAS (COLUMN TYPE, …) is expected: {argument}")
    columns = (column.split(" ") for column in parts[3].split(", "))
    return parts[1], parts[2], [(name, type_) for name, type_ in columns]


_POSTGRES_TYPES = {"id": "uuid", "time": "timestamptz"}


def _postgres_rows(argument: str) -> str:
    parameter, alias, columns = _columns(argument)
    typed = ", ".join(f"{name} {_POSTGRES_TYPES.get(type_, type_)}" for name, type_ in columns)
    return f"json_to_recordset({parameter}::json) AS {alias} ({typed})"


def _sqlite_rows(argument: str) -> str:
    parameter, alias, columns = _columns(argument)
    values = ", ".join(f"value ->> '$.{name}' AS {name}" for name, _ in columns)
    return f"(SELECT {values} FROM json_each({parameter})) AS {alias}"


def _two(write: Callable[[str, str], str]) -> _Word:
    """A word with two arguments, parted by a space."""
    return _Word(lambda argument: write(*argument.split(" ", 1)))


POSTGRES: Mapping[str, object] = {
    # Types, and parameters of them where nothing else tells PostgreSQL what they are.
    "id": _type("uuid"),
    "text": _type('text COLLATE "C"'),
    "time": _type("timestamptz"),
    "span": _type("interval"),
    "integer": _type("bigint"),
    "boolean": _type("boolean"),
    "table_end": "",
    # Without waiting for those who write; only in a migration.
    "concurrently": "CONCURRENTLY IF NOT EXISTS",
    # Lists of ids or texts.
    "ids": _two(lambda list_, name: f"unnest({list_}::uuid[]) WITH ORDINALITY AS {name} (id, place)"),
    "texts": _two(lambda list_, name: f"unnest({list_}::text[]) WITH ORDINALITY AS {name} (value, place)"),
    "in_ids": _Word(lambda list_: f"= ANY ({list_}::uuid[])"),
    # Rows of a JSON array of objects: `{rows:$2 e (id id, name text)}`. An object in a column of text is its JSON;
    # a time is written by `Session.json_time`.
    "rows": _Word(_postgres_rows),
    "any": _Word(lambda select: f"= ANY (ARRAY ({select}))"),
    # Rows of an index.
    "at": _postgres_look_up("CROSS", ""),
    "left_at": _postgres_look_up("LEFT", " ON true"),
    # Locks, of rows that others may change meanwhile.
    "lock": "FOR NO KEY UPDATE",
    "lock_free": "FOR UPDATE SKIP LOCKED",
    "wait": "FOR SHARE",
    # Times: `modified` is always later than before, whatever the clocks of the replicas say.
    "later": _two(lambda now, before: f"greatest({now}, {before} + interval '1 microsecond')"),
    # The later and the earlier of both clocks: the one of a replica may be wrong.
    "late_now": _Word(lambda now: f"greatest({now}::timestamptz, now())"),
    "early_now": _Word(lambda now: f"least({now}::timestamptz, now())"),
    "json": _Word(lambda document: f"{document}::json"),
    "postgres": _Word(lambda text: text),
}

SQLITE: Mapping[str, object] = {
    "id": _type("TEXT", cast=False),
    "text": _type("TEXT", cast=False),
    "time": _type("INTEGER", cast=False),
    "span": _type("INTEGER", cast=False),
    "integer": _type("INTEGER", cast=False),
    "boolean": _type("INTEGER", cast=False),
    "table_end": " STRICT, WITHOUT ROWID",
    "concurrently": "IF NOT EXISTS",
    "ids": _two(lambda list_, name: f"(SELECT value AS id, key AS place FROM json_each({list_})) AS {name}"),
    "texts": _two(lambda list_, name: f"(SELECT value, key AS place FROM json_each({list_})) AS {name}"),
    "in_ids": _Word(lambda list_: f"IN (SELECT value FROM json_each({list_}))"),
    "rows": _Word(_sqlite_rows),
    "any": _Word(lambda select: f"IN ({select})"),
    # SQLite joins in the order in which the tables are written where the join is called CROSS.
    "at": _sqlite_look_up("CROSS"),
    "left_at": _sqlite_look_up("LEFT"),
    # A transaction has the whole database.
    "lock": "",
    "lock_free": "",
    "wait": "",
    "later": _two(lambda now, before: f"max({now}, {before} + 1)"),
    "late_now": _Word(lambda now: now),
    "early_now": _Word(lambda now: now),
    "json": _Word(lambda document: document),
    "postgres": _Word(lambda text: ""),
}
