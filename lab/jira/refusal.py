"""Errors in Jira's shape: messages of the request as a whole, and one for each field."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)


class Json(JSONResponse):
    """JSON as Jira says it; clients look at the character set."""

    media_type = "application/json;charset=UTF-8"


class Refusal(Exception):
    """The request is answered with ``status``, ``messages``, and ``errors`` by field."""

    def __init__(self, status: int, *messages: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(*messages)
        self.status = status
        self.messages = list(messages)
        self.errors = dict(errors or {})


class LoginFailed(Exception):
    """Who asks is not who he says; Jira answers with a page."""


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` in that form."""

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return Json({"errorMessages": error.messages, "errors": error.errors}, error.status)

    async def login_failed(_: Request, __: Exception) -> Response:
        challenge = {"WWW-Authenticate": 'OAuth realm="Jira"', "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
        return HTMLResponse("<html><body>Unauthorized (401)</body></html>", 401, challenge)

    async def unknown(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return Json({"message": str(error.detail), "status-code": error.status_code}, error.status_code)

    async def failed(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return Json({"errorMessages": ["Internal server error"], "errors": {}}, 500)

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(LoginFailed, login_failed)
    app.add_exception_handler(HTTPException, unknown)
    app.add_exception_handler(Exception, failed)
