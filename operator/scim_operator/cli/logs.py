"""The operator's log lines on standard error, in the server's forms, with tracebacks."""

import logging
import traceback

from pydantic import ValidationError

from scim_operator.cli.log_filters import KopfInWords, OnceAMinute
from scim_server.logs import LogFormat, formatter


def configure_logs(log_format: LogFormat, *, verbose: bool = False) -> None:
    """Set up the root logger. kopf's own lines are kept to warnings: it has one for each event of each object."""
    handler = logging.StreamHandler()
    if not verbose:
        handler.addFilter(KopfInWords())
        handler.addFilter(OnceAMinute())
    handler.setFormatter(formatter(log_format, _described))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    for name in ("kopf", "asyncio", "aiohttp", "kubernetes"):
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.WARNING)


def _described(error: BaseException) -> str:
    """The traceback. pydantic's messages quote their input, which may be a digest or a key: they are left out."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, ValidationError):
            frames = "".join(traceback.format_tb(chain.__traceback__))
            return f"{frames}{chain.error_count()} validation errors for {chain.title}"
        chain = chain.__cause__ or chain.__context__
    return "".join(traceback.format_exception(error)).rstrip()
