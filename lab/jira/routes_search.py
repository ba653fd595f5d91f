"""Searching by JQL: as Server and Data Center do it, and as Cloud does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request

from lab.jira import views
from lab.jira.auth import User
from lab.jira.issues import Issue
from lab.jira.jql import search
from lab.jira.refusal import Refusal
from lab.jira.request import Body, Kept

server, cloud = APIRouter(), APIRouter()
PAGE, LARGEST_PAGE = 50, 1000


@server.get("/search")
def get(request: Request, _: User, issues: Kept) -> dict[str, Any]:
    """Search; the query is in the address."""
    asked = request.query_params
    return _page(request, issues, dict(asked), asked.get("fields", "*navigable").split(","))


@server.post("/search")
def post(request: Request, body: Body, _: User, issues: Kept) -> dict[str, Any]:
    """Search; the query is in the body."""
    return _page(request, issues, body, body.get("fields") or ["*navigable"])


@cloud.get("/search")
def gone(_: User) -> None:
    """Refuse what Cloud took away (https://developer.atlassian.com/changelog/#CHANGE-2046).

    :raises Refusal: always.
    """
    raise Refusal(
        410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
    )


@cloud.get("/search/jql")
def enhanced(request: Request, _: User, issues: Kept) -> dict[str, Any]:
    """Search; pages are linked by a token."""
    asked = request.query_params
    found = search(asked.get("jql", ""), issues.every())
    start, size = _number(asked.get("nextPageToken", 0)), _number(asked.get("maxResults", PAGE))
    wanted = asked.get("fields", "id").split(",")
    answer: dict[str, Any] = {"issues": _shown(request, issues, found[start : start + size], wanted)}
    last = start + size >= len(found)
    return {**answer, "isLast": last} | ({} if last else {"nextPageToken": str(start + size)})


def _page(request: Request, issues: Kept, asked: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    found = search(str(asked.get("jql") or ""), issues.every())
    start = _number(asked.get("startAt", 0))
    size = min(_number(asked.get("maxResults", PAGE)), LARGEST_PAGE)
    shown = _shown(request, issues, found[start : start + size], wanted)
    return {
        "expand": "schema,names",
        "startAt": start,
        "maxResults": size,
        "total": len(found),
        "issues": shown,
    }


def _shown(
    request: Request, issues: Kept, found: Sequence[Issue], wanted: Sequence[str]
) -> list[dict[str, Any]]:
    return [views.issue(request, issue, issues.comments(issue), wanted) for issue in found]


def _number(given: Any) -> int:
    text = str(given)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refusal(404, "HTTP 404 Not Found")  # as Jira answers a number that is none
    return int(text)
