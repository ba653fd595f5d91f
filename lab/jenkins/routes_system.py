"""The server, its queue and its nodes."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from lab.jenkins.refusal import Refusal, page
from lab.jenkins.request import get, shown
from lab.jenkins.users import COOKIE, CRUMB

router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"])
async def top() -> Response:
    """The dashboard."""
    return page(200, "Jenkins")


@router.get("/login")
async def login() -> Response:
    """The one page that everybody may see."""
    return page(200, "Sign in to Jenkins")


@router.get("/api/json")
async def root(request: Request) -> Response:
    """The server and its jobs."""
    return shown(request, get(request).views.root)


@router.get("/me/api/json")
async def me(request: Request) -> Response:
    """Who asks."""
    user = get(request).user
    return JSONResponse({"_class": "hudson.model.User", "id": user, "fullName": user})


@router.get("/crumbIssuer/api/json")
async def crumb(request: Request) -> Response:
    """A crumb, good for the session whose cookie comes with it."""
    users = get(request).jenkins.users
    session = request.cookies.get(COOKIE) or secrets.token_hex(16)
    kind = "hudson.security.csrf.DefaultCrumbIssuer"
    answer = JSONResponse({"_class": kind, "crumb": users.crumb(session), "crumbRequestField": CRUMB})
    answer.set_cookie(COOKIE, session, httponly=True)
    return answer


@router.get("/queue/api/json")
async def queue(request: Request) -> Response:
    """What waits."""
    return shown(request, lambda _: get(request).views.queue())


@router.get("/queue/item/{number}/api/json")
async def queue_item(request: Request, number: int) -> Response:
    """An item: it can be asked for some minutes after it left the queue."""
    if (item := get(request).jenkins.queue.find(number)) is None:
        raise Refusal(404, "Not Found")
    return shown(request, lambda _: get(request).views.item(item))


@router.post("/queue/cancelItem")
async def cancel(request: Request, number: Annotated[int, Query(alias="id")]) -> Response:
    """Take an item out of the queue."""
    queue = get(request).jenkins.queue
    item = queue.find(number)
    if item is None or not item.waits:
        raise Refusal(404, "Not Found")
    queue.leave(item, None)
    return Response(status_code=204)


@router.get("/computer/api/json")
async def nodes(request: Request) -> Response:
    """The nodes."""
    node = get(request).views.node()
    return shown(request, lambda _: {"_class": "hudson.model.ComputerSet", "computer": [node]})


@router.get("/computer/{name}/api/json")
async def node(request: Request, name: str) -> Response:
    """The node, by either of its names."""
    if name not in ("(built-in)", "(master)"):
        raise Refusal(404, "Not Found")
    return shown(request, lambda _: get(request).views.node())


@router.post("/{what}")
async def shut_down(request: Request, what: str) -> Response:
    """Begin nothing more, or restart: now, or when nothing is under way."""
    jenkins = get(request).jenkins
    match what:
        case "quietDown":
            jenkins.quieting_down = True
        case "cancelQuietDown":
            jenkins.quieting_down = jenkins.restarts_when_idle = False
        case "safeRestart":
            jenkins.quieting_down = jenkins.restarts_when_idle = True
        case "restart":
            await jenkins.restart()
        case _:
            raise Refusal(404, "Not Found")
    return RedirectResponse("/", status_code=302)
