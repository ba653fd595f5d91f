"""Copy and move: https://jfrog.com/help/r/jfrog-rest-apis/copy-item."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from lab.artifactory import views
from lab.artifactory.auth import Writer
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import Kept, flag, target, target_in
from lab.artifactory.store import Store
from lab.artifactory.transfer import Transfer, transfer

router = APIRouter()


@router.post("/api/copy/{path:path}")
def copy(request: Request, user: Writer, store: Kept) -> JSONResponse:
    """Copy an item with all below it to ``to``; with ``dry=1`` only say whether that would do."""
    return _answer(store, request, _order(request, "api/copy/"), user)


@router.post("/api/move/{path:path}")
def move(request: Request, user: Writer, store: Kept) -> JSONResponse:
    """Move an item with all below it to ``to``; with ``dry=1`` only say whether that would do."""
    return _answer(store, request, _order(request, "api/move/", moves=True), user)


def _order(request: Request, prefix: str, *, moves: bool = False) -> Transfer:
    if not (to := request.query_params.get("to")):
        raise Refusal(400, "Parameter 'to' is missing: give the target as /repository/path.")
    return Transfer(target(request, prefix).at, target_in(to).at, moves)


def _answer(store: Store, request: Request, order: Transfer, user: str) -> JSONResponse:
    status, level = 200, "INFO"
    try:
        said = transfer(store, order, user, dry=flag(request, "dry"))
    except Refusal as refused:  # these two calls have their own shape of errors
        status, level = refused.status, "ERROR"
        said = f"{order.verb} {order.source} to {order.target} failed: {refused.message}"
    shown = {"messages": [{"level": level, "message": said}]}
    return JSONResponse(shown, status, media_type=views.MOVED)
