"""Errors in Artifactory's shape: https://jfrog.com/help/r/jfrog-rest-apis/error-responses."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)


class Refusal(Exception):
    """The request is answered with ``status`` and the reason."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response that carries one error."""
    body = {"errors": [{"status": status, "message": message}]}
    return JSONResponse(body, status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` in that form."""

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refusal)
        return answer(error.status, error.message, error.headers)

    async def unknown(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return answer(error.status_code, str(error.detail), error.headers)

    async def too_deep(_: Request, __: Exception) -> JSONResponse:
        return answer(400, "Bad request: the JSON in it is nested too deeply.")

    async def failed(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(500, f"Internal error: {type(error).__name__}; see the server's log.")

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(HTTPException, unknown)
    app.add_exception_handler(RecursionError, too_deep)
    app.add_exception_handler(Exception, failed)
