"""The server itself, who asks, and the projects."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from lab.jira import views
from lab.jira.auth import User
from lab.jira.projects import PROJECTS
from lab.jira.refusal import Refusal
from lab.jira.settings import Settings

router = APIRouter()

VERSION = (9, 12, 5)
"""The release whose API this server speaks a part of."""


@router.get("/serverInfo")
def server_info(request: Request) -> dict[str, Any]:
    """Name the release; the one call without a login."""
    settings: Settings = request.app.state.settings
    return {
        "baseUrl": str(request.base_url).rstrip("/"),
        "version": ".".join(map(str, VERSION)),
        "versionNumbers": list(VERSION),
        "deploymentType": "Cloud" if settings.cloud else "Server",
        "serverTitle": "Jira stand-in",
    }


@router.get("/myself")
def myself(user: User) -> dict[str, Any]:
    """Say who asks."""
    return views.person(user)


@router.get("/project")
def every(request: Request, _: User) -> list[dict[str, Any]]:
    """List the projects."""
    return [views.project(request, project) for project in PROJECTS.values()]


@router.get("/project/{key}")
def one(key: str, request: Request, _: User) -> dict[str, Any]:
    """Show a project, with its types of issues.

    :raises Refusal: 404 when there is none.
    """
    for project in PROJECTS.values():
        if key in (project.key, project.id):
            types = [one.shown() for one in project.types]
            return {**views.project(request, project), "issueTypes": types}
    raise Refusal(404, f"No project could be found with key '{key[:80]}'.")


@router.get("/field")
def fields(_: User) -> list[dict[str, Any]]:
    """List the fields of issues."""
    names = {
        "summary": "Summary",
        "description": "Description",
        "issuetype": "Issue Type",
        "project": "Project",
        "labels": "Labels",
        "priority": "Priority",
        "status": "Status",
        "resolution": "Resolution",
        "reporter": "Reporter",
        "created": "Created",
        "updated": "Updated",
        "comment": "Comment",
    }
    return [{"id": key, "name": name, "custom": False, "searchable": True} for key, name in names.items()]
