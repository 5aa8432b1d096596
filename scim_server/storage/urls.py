"""Database URLs."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote

_PASSWORD = re.compile(r"(?<=://)([^/@?#]*?):[^/?#]*@|(?<=[?&])(password|passfile|sslpassword)=[^&#]*", re.IGNORECASE)

_POSTGRES = re.compile(r"postgres(?:ql)?://(?:[^/@?#]*@)?(?P<hosts>[^/@?#]*)(?:/[^/@?#]*)?(?:\?(?P<query>[^?#]*))?")
_HOST = re.compile(r"(?:\[[^\[\]]+\]|[^\[\]:]*)(?::(?P<port>[0-9]{1,5}))?")
_HIGHEST_PORT = 65535
_DEFAULT_PORT = 5432
_USER = re.compile(r"(?<=://)[^/@?#]*@|(?<=[?&])(?:user|password|passfile|sslpassword)=[^&#]*&?", re.IGNORECASE)


class InvalidDatabaseUrl(ValueError):
    """Neither of the two kinds. The message doesn't repeat the URL, which may hold a password."""


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return _PASSWORD.sub(lambda match: f"{match[2]}=…" if match[2] else f"{match[1]}:…@", url)


def sqlite_path(url: str) -> Path:
    """`sqlite:///relative/path` or `sqlite:////absolute/path`, as SQLAlchemy and others write it."""
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise InvalidDatabaseUrl("sqlite:///PATH is expected: sqlite:///scim.db, or sqlite:////var/lib/scim.db")
    return Path(path)


def check_postgres_url(url: str) -> None:
    """Raises `InvalidDatabaseUrl` for what the driver could only stumble over, quoting parts of a password.

    Most often that is a password with a character that means something in a URL.
    """
    parts = _POSTGRES.fullmatch(url)
    if parts is None or not all(map(_is_host, parts["hosts"].split(","))) or not _is_query(parts["query"]):
        raise InvalidDatabaseUrl(
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE is expected, / ? # @ : and % of a password written as"
            " %2F %3F %23 %40 %3A and %25"
        )


def postgres_hosts(url: str) -> tuple[tuple[str, int], ...]:
    """The hosts of a URL that names several, in its order, with their ports; empty for one that names one or none."""
    parts = _POSTGRES.fullmatch(url)
    if parts is None:
        return ()
    query = dict(parse_qsl(parts["query"] or ""))
    named = (unquote(parts["hosts"]) or query.get("host", "")).split(",")
    if len(named) == 1:
        return ()
    ports = query.get("port", "").split(",")
    hosts = []
    for number, text in enumerate(named):
        own = _HOST.fullmatch(text)
        port = (own and own["port"]) or ports[number if len(ports) == len(named) else 0] or _DEFAULT_PORT
        name = text[: own.start("port") - 1] if own and own["port"] else text
        hosts.append((name.removeprefix("[").removesuffix("]"), int(port)))
    return tuple(hosts)


def postgres_option(url: str, name: str) -> str | None:
    """A parameter behind the question mark."""
    parts = _POSTGRES.fullmatch(url)
    return dict(parse_qsl(parts["query"] or "")).get(name) if parts else None


def same_database(url: str, other: str) -> bool:
    """Whether both name the same, with other users and passwords perhaps."""
    return _USER.sub("", url).rstrip("?&") == _USER.sub("", other).rstrip("?&")


def _is_host(text: str) -> bool:
    host = _HOST.fullmatch(text)
    return host is not None and 0 < int(host["port"] or 1) <= _HIGHEST_PORT


def _is_query(text: str | None) -> bool:
    try:
        fields = parse_qsl(text or "", keep_blank_values=True, strict_parsing=bool(text))
    except ValueError:
        return False
    ports = [port for name, value in fields if name == "port" for port in value.split(",")]
    return all(port.isdecimal() and 0 < int(port) <= _HIGHEST_PORT for port in ports)
