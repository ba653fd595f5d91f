"""Issues, comments and projects as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from lab.jira.issues import Comment, Issue
from lab.jira.projects import Project

ALL = ("*all", "*navigable")


def address(request: Request, path: str) -> str:
    """Return an address of the API as the client knows it."""
    return f"{request.base_url}rest/api/2/{path}"


def person(name: str) -> dict[str, Any]:
    """Show a user."""
    return {
        "name": name,
        "key": name,
        "displayName": name,
        "active": True,
        "emailAddress": f"{name}@lab.invalid",
    }


def project(request: Request, shown: Project) -> dict[str, Any]:
    """Show a project."""
    about = {"id": shown.id, "key": shown.key, "name": shown.name, "projectTypeKey": "software"}
    return {"self": address(request, f"project/{shown.id}"), **about}


def comment(request: Request, issue: Issue, shown: Comment) -> dict[str, Any]:
    """Show a comment."""
    return {
        "self": address(request, f"issue/{issue.id}/comment/{shown.id}"),
        "id": str(shown.id),
        "author": person(shown.author),
        "body": shown.body,
        "created": shown.created,
        "updated": shown.created,
    }


def thread(request: Request, issue: Issue, comments: Sequence[Comment]) -> dict[str, Any]:
    """Show an issue's comments."""
    shown = [comment(request, issue, one) for one in comments]
    return {"startAt": 0, "maxResults": len(shown), "total": len(shown), "comments": shown}


def issue(
    request: Request, shown: Issue, comments: Sequence[Comment], wanted: Sequence[str] = ALL
) -> dict[str, Any]:
    """Show an issue; unknown names in ``wanted`` are ignored, as Jira ignores them."""
    kind = shown.project.type(shown.fields["issuetype"])
    fields = {
        "summary": None,
        "description": None,
        "labels": [],
        "priority": {"name": "Medium"},
        "resolution": None,
        **shown.fields,
        "issuetype": kind.shown() if kind else None,
        "project": project(request, shown.project),
        "status": shown.status.shown(),
        "comment": thread(request, shown, comments),
    }
    if not set(wanted) & set(ALL):
        fields = {name: value for name, value in fields.items() if name in wanted}
    base = {"id": str(shown.id), "self": address(request, f"issue/{shown.id}"), "key": shown.key}
    return {**base, "fields": fields}
