"""Issues, their comments and their way through the workflow."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lab.jira import views
from lab.jira.auth import User
from lab.jira.fields import checked, project_of, text
from lab.jira.issues import now
from lab.jira.projects import RESOLUTIONS, Transition
from lab.jira.refusal import Json, Refusal
from lab.jira.request import Body, Kept, Named

router = APIRouter()


@router.post("/issue")
def create(request: Request, body: Body, user: User, issues: Kept) -> Json:
    """Create an issue.

    :raises Refusal: 400 with every field that is wrong.
    """
    fields = body.get("fields")
    if not isinstance(fields, dict):
        raise Refusal(400, errors={"project": "project is required"})
    project = project_of(fields)
    about = {"created": now(), "updated": now(), "reporter": views.person(user)}
    made = issues.create(project, {**checked(project, fields, new=True), **about})
    shown = {"id": str(made.id), "key": made.key, "self": views.address(request, f"issue/{made.id}")}
    return Json(shown, 201)


@router.get("/issue/{key}")
def get(request: Request, _: User, issue: Named, issues: Kept, fields: str = "*all") -> dict[str, Any]:
    """Show an issue."""
    return views.issue(request, issue, issues.comments(issue), fields.split(","))


@router.put("/issue/{key}")
def edit(body: Body, _: User, issue: Named, issues: Kept) -> Response:
    """Write fields.

    :raises Refusal: 400 with every field that is wrong.
    """
    fields = body.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise Refusal(400, "one of 'fields' or 'update' required")
    issues.change(issue, checked(issue.project, fields, new=False))
    return Response(status_code=204)


@router.get("/issue/{key}/comment")
def comments(request: Request, _: User, issue: Named, issues: Kept) -> dict[str, Any]:
    """Show an issue's comments."""
    return views.thread(request, issue, issues.comments(issue))


@router.post("/issue/{key}/comment")
def comment(request: Request, body: Body, user: User, issue: Named, issues: Kept) -> Json:
    """Add a comment.

    :raises Refusal: 400 when it says nothing, or too much.
    """
    said = body.get("body")
    if not said or not str(said).strip():
        raise Refusal(400, errors={"comment": "Comment body can not be empty!"})
    if wrong := text(said):
        raise Refusal(400, errors={"comment": wrong})
    return Json(views.comment(request, issue, issues.comment(issue, user, said)), 201)


@router.get("/issue/{key}/transitions")
def transitions(_: User, issue: Named, expand: str = "") -> dict[str, Any]:
    """Show which steps the issue may take now."""
    fields = "transitions.fields" in expand.split(",")
    ways = [way.shown(fields=fields) for way in issue.project.transitions if way.starts_at(issue.status.name)]
    return {"expand": "transitions", "transitions": ways}


@router.post("/issue/{key}/transitions")
def move(body: Body, _: User, issue: Named, issues: Kept) -> Response:
    """Take a step.

    :raises Refusal: 400 when it does not start here, or lacks a field of its screen.
    """
    asked = body.get("transition")
    wanted = str(asked.get("id", "")) if isinstance(asked, dict) else ""
    if not wanted:
        raise Refusal(400, "Missing 'transition' identifier")
    for way in issue.project.transitions:
        if way.id == wanted and way.starts_at(issue.status.name):
            issues.change(issue, {"resolution": _resolution(way, body.get("fields") or {})}, way.to)
            return Response(status_code=204)
    raise Refusal(
        400,
        f"It seems that you have tried to perform a workflow operation ({wanted[:40]}) that is not valid "
        f"for the current state of this issue ({issue.key}).",
    )


def _resolution(way: Transition, fields: dict[str, Any]) -> dict[str, str] | None:
    given = fields.get("resolution")
    name = given.get("name") if isinstance(given, dict) else None
    if given is not None and not way.asks_resolution:
        told = "Field 'resolution' cannot be set. It is not on the appropriate screen, or unknown."
        raise Refusal(400, errors={"resolution": told})
    if way.asks_resolution and name not in RESOLUTIONS:
        told = "Resolution is required." if name is None else "The resolution selected is invalid."
        raise Refusal(400, errors={"resolution": told})
    if way.to.category != "done":
        return None
    return {"name": name or "Done"}
