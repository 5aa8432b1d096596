"""Answers above 399: JSON with a `reason`."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from scim_server.management.models import Problem
from scim_server.management.services import is_authenticated, not_authenticated
from scim_server.storage.errors import StorageUnavailable

_ROUTER_STATUSES = (404, 405)


class Refused(Exception):
    """Ends a route with this answer."""

    def __init__(self, status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.reason)
        self.answer = _answer(status, problem, headers)


def wrong_parameter(name: str, expected: str) -> Refused:
    return Refused(400, Problem(reason=f"{name}: {expected}"))


def answer_problems(app: FastAPI) -> None:
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StorageUnavailable, _unavailable)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(Exception, _failure)


def _answer(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem.model_dump(mode="json", by_alias=True), status, dict(headers or {}))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)  # noqa: S101 - registered for nothing else
    return error.answer


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """What FastAPI finds wrong with parameters: which one, and what is expected."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    said = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()]
    return _answer(400, Problem(reason="; ".join(said)))


async def _unavailable(_: Request, __: Exception) -> JSONResponse:
    return _answer(503, Problem(reason="the database doesn't answer; try again"), {"Retry-After": "5"})


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """Where the router finds no route no dependency has asked for the token. Strangers don't learn what there is."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    if error.status_code in _ROUTER_STATUSES and not await is_authenticated(request):
        error = not_authenticated()
    return _answer(error.status_code, Problem(reason=error.detail), error.headers)


async def _client_gone(_: Request, __: Exception) -> JSONResponse:
    return _answer(400, Problem(reason="the connection was closed before the body was complete"))


async def _failure(_: Request, error: Exception) -> JSONResponse:
    return _answer(500, Problem(reason=f"the server failed: {type(error).__name__}; see its log"))
