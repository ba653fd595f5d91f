"""What a route knows of the request it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from lab.jenkins import tree
from lab.jenkins.server import Jenkins
from lab.jenkins.views import Views


@dataclass(frozen=True)
class Asked:
    """The server, what it shows, and who asks."""

    jenkins: Jenkins
    views: Views
    user: str


def get(request: Request) -> Asked:
    """Return it; the application has let the user in."""
    return Asked(request.app.state.jenkins, request.app.state.views, request.state.user)


def shown(request: Request, view: Callable[[bool], Any]) -> JSONResponse:
    """Answer ``.../api/json`` as its ``tree`` and ``depth`` ask.

    :param view: returns the document, with all that is below when it is given True.
    """
    query, depth = request.query_params.get("tree", ""), request.query_params.get("depth", "0")
    document = view(bool(query) or depth != "0")
    return JSONResponse(tree.parse(query).of(document) if query else document)
