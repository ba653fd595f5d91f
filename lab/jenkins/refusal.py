"""Requests that are not granted: status, and the reason as Jenkins puts it, in ``X-Error`` and a page."""

from __future__ import annotations

import html

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException


class Refusal(Exception):
    """The request is answered with ``status`` and the reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def page(status: int, message: str) -> HTMLResponse:
    """Return the page that says ``message``."""
    text = f"<html><head><title>Jenkins</title></head><body><h1>{html.escape(message)}</h1></body></html>"
    headers = {"X-Error": message} if status >= 400 else {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Jenkins"'
    return HTMLResponse(text, status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` so."""

    async def refused(_: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, Refusal)
        return page(error.status, error.message)

    async def unknown(_: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, HTTPException)
        return page(error.status_code, str(error.detail))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(HTTPException, unknown)
