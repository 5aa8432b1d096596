"""The command `scim-server`."""

import asyncio
import gc
import logging
import math
import os
import resource
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import uvloop

from scim_server.app import Server, ServerFailed, ServerSettings, management_is_exposed
from scim_server.command_line import HELP_OPTIONS, USAGE_ERROR, PlainCommand, PlainGroup, print_version, run_program
from scim_server.http.bodies import DEFAULT_LIMIT
from scim_server.http.connections import ConnectionLimits
from scim_server.http.deadlines import TimeLimits
from scim_server.http.openapi import document_of_any_tenant
from scim_server.http.protection import (
    CREDENTIAL_SHARE,
    DEFAULT_FAILURE_RATE,
    DEFAULT_TENANT_RATE,
    DEFAULT_USER_RATE,
    RequestLimits,
)
from scim_server.http.public_url import is_public_url
from scim_server.limits.client_address import TrustedProxies
from scim_server.limits.token_bucket import Rate
from scim_server.logs import LogFormat, configure
from scim_server.management.app import management_routes
from scim_server.openapi.document import as_text
from scim_server.storage.credential_files import CredentialFiles, read_credential
from scim_server.storage.errors import StorageUnavailable, StorageUnusable
from scim_server.storage.urls import InvalidDatabaseUrl, check_postgres_url, sqlite_path, without_password
from scim_server.tracing.start import start_tracing

_log = logging.getLogger(__name__)

_FAILED = 1
_OTHER_FILES = 256
"""Open files beside the connections of the public port: database, management port, logs."""
_YOUNG_OBJECTS = 10_000
"""How many make the collector look for garbage: by default 700, which are those of a few requests under way."""
_DEFAULT_DATABASE = "sqlite:///scim.db"
_CONNECTIONS, _TIMES, _LIMITS = ConnectionLimits(), TimeLimits(), RequestLimits()


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


app = typer.Typer(
    cls=PlainGroup, context_settings=HELP_OPTIONS, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    config_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_CONFIG_DIR",
            help="Folder with config/server-config-NN.json.gz and secrets/server-secrets-NN.json, as the ConfigMaps"
            " and Secrets of the shards are mounted. Watched. Without it the configuration has to be pushed.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="SCIM_DATABASE",
            help="sqlite:///PATH for one replica, postgresql://USER@HOST/DATABASE for any number."
            f" Default: {_DEFAULT_DATABASE}",
        ),
    ] = None,
    database_url_file: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_DATABASE_URL_FILE",
            help="File with the URL, in place of --database. It is read again for each new connection, so that user"
            " and password can be replaced without a restart.",
        ),
    ] = None,
    database_password_file: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_DATABASE_PASSWORD_FILE",
            help="File with PostgreSQL's password, read again for each new connection.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(envvar="SCIM_HOST", help="Address of the public port.")] = "0.0.0.0",  # noqa: S104
    port: Annotated[
        int, typer.Option(envvar="SCIM_PORT", min=0, max=65535, help="SCIM; 0 takes a free port.")
    ] = 8080,
    management_host: Annotated[
        str, typer.Option(envvar="SCIM_MANAGEMENT_HOST", help="Address of the management port.")
    ] = "0.0.0.0",  # noqa: S104
    management_port: Annotated[
        int,
        typer.Option(
            envvar="SCIM_MANAGEMENT_PORT",
            min=0,
            max=65535,
            help="/v1/config and /v1/status for the operator; /livez, /readyz, /metrics. Never expose it.",
        ),
    ] = 8081,
    management_token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_MANAGEMENT_TOKEN_FILE",
            help="File with the bearer token of the management port, or several, one a line, of which each is"
            " accepted. Read again when it changes. Without it /v1 refuses everybody.",
        ),
    ] = None,
    management_tls_cert: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_MANAGEMENT_TLS_CERT",
            help="Certificate of the management port and what is between it and its authority, PEM. Read again when"
            " it changes, for new connections. Without it the port speaks plain HTTP.",
        ),
    ] = None,
    management_tls_key: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_MANAGEMENT_TLS_KEY",
            help="Private key of that certificate, PEM, without a password.",
        ),
    ] = None,
    insecure_management: Annotated[
        bool,
        typer.Option(
            "--insecure-management",
            envvar="SCIM_INSECURE_MANAGEMENT",
            help="Let the management port speak plain HTTP on other addresses than this machine's own: whoever sees"
            " its traffic has its token.",
        ),
    ] = False,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            envvar="SCIM_TLS_CERT",
            help="Certificate of the public port, as --management-tls-cert. Without it the port speaks plain HTTP.",
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(envvar="SCIM_TLS_KEY", help="Private key of that certificate."),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(
            envvar="SCIM_PUBLIC_URL",
            help="https://HOST as identity providers know it, for Location and $ref. Default: each request's own.",
        ),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            envvar="SCIM_TRUSTED_PROXIES",
            metavar="ADDRESS",
            help="Address or network whose X-Forwarded-Proto, -Host and -For count. Repeatable.",
        ),
    ] = None,
    max_body: Annotated[
        int, typer.Option(envvar="SCIM_MAX_BODY", min=1024, help="Largest request body in bytes.")
    ] = DEFAULT_LIMIT,
    tenant_rate: Annotated[
        float,
        typer.Option(envvar="SCIM_TENANT_RATE", min=0, help="Requests per second of one tenant; 0 is any number."),
    ] = DEFAULT_TENANT_RATE.per_second,
    tenant_burst: Annotated[
        int,
        typer.Option(envvar="SCIM_TENANT_BURST", min=1, help="Requests that a burst of one tenant may have."),
    ] = DEFAULT_TENANT_RATE.burst,
    credential_rate: Annotated[
        float | None,
        typer.Option(
            envvar="SCIM_CREDENTIAL_RATE",
            min=0,
            help="Requests per second with one credential; 0 is any number. Default: four fifths of the tenant's.",
        ),
    ] = None,
    credential_burst: Annotated[
        int | None,
        typer.Option(
            envvar="SCIM_CREDENTIAL_BURST",
            min=1,
            help="Requests that a burst with one credential may have. Default: four fifths of the tenant's.",
        ),
    ] = None,
    user_rate: Annotated[
        float,
        typer.Option(
            envvar="SCIM_USER_RATE",
            min=0,
            help="Requests per second of one user by credentials of access Self; 0 is any number.",
        ),
    ] = DEFAULT_USER_RATE.per_second,
    user_burst: Annotated[
        int,
        typer.Option(envvar="SCIM_USER_BURST", min=1, help="Requests that a burst of one such user may have."),
    ] = DEFAULT_USER_RATE.burst,
    tenant_requests: Annotated[
        int, typer.Option(envvar="SCIM_TENANT_REQUESTS", min=1, help="Requests of one tenant under way at once.")
    ] = _LIMITS.tenant_requests,
    waiting_requests: Annotated[
        int,
        typer.Option(
            envvar="SCIM_WAITING_REQUESTS", min=1, help="Requests of one tenant that wait for events at once."
        ),
    ] = _LIMITS.waiting_requests,
    failed_authentications: Annotated[
        int,
        typer.Option(
            envvar="SCIM_FAILED_AUTHENTICATIONS",
            min=0,
            help="Failures per minute and address that are answered 401, further ones 429; 0 is any number.",
        ),
    ] = DEFAULT_FAILURE_RATE.burst,
    max_connections: Annotated[
        int, typer.Option(envvar="SCIM_MAX_CONNECTIONS", min=1, help="Connections to the public port.")
    ] = _CONNECTIONS.most,
    head_timeout: Annotated[
        float, typer.Option(envvar="SCIM_HEAD_TIMEOUT", min=0.001, help="Seconds for a request's head to arrive.")
    ] = _CONNECTIONS.head_seconds,
    body_timeout: Annotated[
        float, typer.Option(envvar="SCIM_BODY_TIMEOUT", min=0.001, help="Seconds for a request's body to arrive.")
    ] = _TIMES.body,
    request_timeout: Annotated[
        float, typer.Option(envvar="SCIM_REQUEST_TIMEOUT", min=0.001, help="Seconds until an answer must begin.")
    ] = _TIMES.work,
    answer_timeout: Annotated[
        float, typer.Option(envvar="SCIM_ANSWER_TIMEOUT", min=0.001, help="Seconds for an answer to be sent.")
    ] = _TIMES.answer,
    termination_delay: Annotated[
        float,
        typer.Option(
            envvar="SCIM_TERMINATION_DELAY",
            min=0,
            help="Seconds to go on after SIGTERM, asking clients to connect anew: until no load balancer sends"
            " requests here any more. A second signal ends it.",
        ),
    ] = 0.0,
    allow_loopback_webhooks: Annotated[
        bool,
        typer.Option(
            "--allow-loopback-webhooks",
            envvar="SCIM_ALLOW_LOOPBACK_WEBHOOKS",
            help="Let webhooks go to this machine itself: for tests, and for a receiver in the same pod.",
        ),
    ] = False,
    log_format: Annotated[LogFormat, typer.Option(envvar="SCIM_LOG_FORMAT")] = LogFormat.JSON,
    log_level: Annotated[LogLevel, typer.Option(envvar="SCIM_LOG_LEVEL")] = LogLevel.INFO,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=print_version("scim-server"), help="Print the version."),
    ] = False,
) -> None:
    """Serve SCIM 2.0 at /NAMESPACE/NAME/scim/v2, configured by the operator.

    Every option can be given as an environment variable. One process is one replica: run several against one
    PostgreSQL for more. SIGTERM and Ctrl-C answer what is under way, then end with status 0. A server that
    can't start as it is told ends with status 2, one that fails later with status 1.
    """
    if context.invoked_subcommand is not None:
        return
    configure(log_format, log_level)
    for option, path, is_right, expected in (
        ("--config-dir", config_dir, Path.is_dir, "a folder"),
        ("--management-token-file", management_token_file, Path.is_file, "a file"),
        ("--management-tls-cert", management_tls_cert, Path.is_file, "a file"),
        ("--management-tls-key", management_tls_key, Path.is_file, "a file"),
        ("--tls-cert", tls_cert, Path.is_file, "a file"),
        ("--tls-key", tls_key, Path.is_file, "a file"),
        ("--database-url-file", database_url_file, Path.is_file, "a file"),
        ("--database-password-file", database_password_file, Path.is_file, "a file"),
    ):
        if path is not None and not is_right(path):
            _fail(f"{option}: {path}: {f'{expected} is expected' if path.exists() else 'does not exist'}")
    for option, path, other in (
        ("--management-tls-cert", management_tls_cert, management_tls_key),
        ("--tls-cert", tls_cert, tls_key),
    ):
        if (path is None) != (other is None):
            _fail(f"{option} and {option.removesuffix('cert')}key: both are expected, or neither")
    if public_url is not None and not is_public_url(public_url):
        _fail("--public-url: https://HOST is expected, with port and path or without, and nothing else")
    try:
        TrustedProxies(trusted_proxy or ())
    except ValueError as error:
        _fail(f"--trusted-proxy: {error}")
    try:
        settings = ServerSettings(
            database=_database(database, database_url_file, database_password_file),
            database_files=CredentialFiles(database_url_file, database_password_file),
            host=host,
            port=port,
            management_host=management_host,
            management_port=management_port,
            management_token_file=management_token_file,
            tls_cert=tls_cert,
            tls_key=tls_key,
            management_tls_cert=management_tls_cert,
            management_tls_key=management_tls_key,
            insecure_management=insecure_management,
            config_dir=config_dir,
            public_url=public_url,
            trusted_proxies=tuple(trusted_proxy or ()),
            body_limit=max_body,
            limits=RequestLimits(
                tenant_rate=_rate(tenant_rate, tenant_burst),
                credential_rate=_rate(
                    credential_rate if credential_rate is not None else tenant_rate * CREDENTIAL_SHARE,
                    credential_burst or math.ceil(tenant_burst * CREDENTIAL_SHARE),
                ),
                user_rate=_rate(user_rate, user_burst),
                tenant_requests=tenant_requests,
                waiting_requests=waiting_requests,
                failed_authentication=(
                    Rate(failed_authentications / 60, failed_authentications) if failed_authentications else None
                ),
                times=TimeLimits(body_timeout, request_timeout, answer_timeout),
            ),
            connections=ConnectionLimits(max_connections, head_timeout),
            termination_delay=termination_delay,
            loopback_webhooks=allow_loopback_webhooks,
        )
        if management_is_exposed(settings) and not insecure_management:
            _fail(
                "--management-tls-cert: a certificate is expected for the management port; or --management-host"
                " 127.0.0.1, or --insecure-management for plain HTTP"
            )
        _allow_open_files(max_connections * (1 if tls_cert is None else 2) + _OTHER_FILES)
        uvloop.run(_serve(settings))
    except ServerFailed:  # which is in the log
        raise SystemExit(_FAILED) from None
    except InvalidDatabaseUrl as error:
        _fail(f"{'--database' if database_url_file is None else '--database-url-file'}: {error}")
    except (ValueError, StorageUnusable) as error:
        _fail(str(error))
    except OSError as error:
        _fail(str(error.strerror or error))
    except Exception as error:  # a traceback on standard error would hold messages, which may be personal
        _log.critical("the server failed", exc_info=error)
        raise SystemExit(_FAILED) from None


@app.command(cls=PlainCommand)
def openapi(
    management: Annotated[bool, typer.Option("--management", help="Of the management port.")] = False,
) -> None:
    """Print the OpenAPI 3.1 document of a tenant's endpoint, or of the management port.

    It describes SCIM, the token endpoint and its metadata, for any tenant. A tenant's own, with its address, its
    extension schemas and its ways to authenticate, is at /NAMESPACE/NAME/scim/v2/openapi.json.
    """
    print(as_text(management_routes().openapi() if management else document_of_any_tenant()), end="")


@app.command(name="copy", cls=PlainCommand)
def copy_database(
    source: Annotated[str, typer.Option("--from", help="sqlite:///PATH. Stop its server first.", show_default=False)],
    target: Annotated[
        str | None, typer.Option("--to", help="postgresql://USER@HOST/DATABASE of an empty database.")
    ] = None,
    target_url_file: Annotated[
        Path | None, typer.Option("--to-url-file", help="File with that URL, in place of --to.")
    ] = None,
    target_password_file: Annotated[
        Path | None, typer.Option("--to-password-file", help="File with PostgreSQL's password.")
    ] = None,
) -> None:
    """Copy a SQLite database to PostgreSQL.

    Everything is copied in one transaction and read back before it is committed, or nothing is: the command may be
    run again. SQLite's file stays as it is. Status 2: something is to be set right first; 1: it failed.
    """
    from scim_server.storage.copying import CopyFailed, copy_to_postgres  # which needs both drivers

    url = _read_credential("--to-url-file", target_url_file) or target
    if url is None or (target_url_file and target):
        _fail("one of --to and --to-url-file is expected")
    _read_credential("--to-password-file", target_password_file)
    try:
        path = sqlite_path(source)
    except InvalidDatabaseUrl as error:
        _fail(f"--from: {error}")
    try:
        if url.partition(":")[0] not in ("postgresql", "postgres"):
            raise InvalidDatabaseUrl("postgresql://USER@HOST/DATABASE is expected")
        check_postgres_url(url)
    except InvalidDatabaseUrl as error:
        _fail(f"{'--to' if target_url_file is None else '--to-url-file'}: {error}")
    files = CredentialFiles(target_url_file, target_password_file)
    try:
        uvloop.run(copy_to_postgres(path, url, print, files))
    except StorageUnusable as error:
        _fail(str(error))
    except (StorageUnavailable, CopyFailed) as error:
        print(f"scim-server: {error}", file=sys.stderr)
        raise SystemExit(_FAILED) from None
    print(f"Copied to {without_password(url)}: start the servers with it.")


def _database(url: str | None, url_file: Path | None, password_file: Path | None) -> str:
    """The URL to begin with."""
    if url is not None and url_file is not None:
        _fail("--database-url-file: it is in place of --database, so not both")
    found = _read_credential("--database-url-file", url_file) or url or _DEFAULT_DATABASE
    _read_credential("--database-password-file", password_file)
    if password_file is not None and found.startswith("sqlite:"):
        _fail("--database-password-file: SQLite has no passwords")
    return found


def _read_credential(option: str, file: Path | None) -> str | None:
    try:
        return None if file is None else read_credential(file)
    except OSError as error:
        _fail(f"{option}: {file}: {error.strerror}")
    except ValueError as error:
        _fail(f"{option}: {file}: {error}")


def _rate(per_second: float, burst: int) -> Rate | None:
    return Rate(per_second, burst) if per_second else None


def _allow_open_files(needed: int) -> None:
    """Raise the process's own limit, which is often 1024, as far as it may be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(settings: ServerSettings) -> None:
    server = Server(settings, start_tracing(os.environ))
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, server.ask_to_stop)
    async with server:
        gc.freeze()  # what is there by now stays: the collector need not look at it again and again
        gc.set_threshold(_YOUNG_OBJECTS)
        server.log_addresses()
        await server.wait()
        if settings.termination_delay:
            await server.hand_over()


def _fail(message: str) -> NoReturn:
    print(f"scim-server: {message}", file=sys.stderr)
    raise SystemExit(USAGE_ERROR)


def main() -> None:
    """Entry point of the console script."""
    run_program(app, "scim-server")


if __name__ == "__main__":
    main()
