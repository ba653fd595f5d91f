"""The fields that people write: what an issue may be created with, and what each refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.jira.projects import PROJECTS, Project
from lab.jira.refusal import Refusal

TEXT_LIMIT = 32_767
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
NOT_ON_SCREEN = "Field '{0}' cannot be set. It is not on the appropriate screen, or unknown."


def project_of(fields: Mapping[str, Any]) -> Project:
    """Return the project that a new issue names by key or id.

    :raises Refusal: 400 when there is none.
    """
    named = fields.get("project")
    named = named if isinstance(named, dict) else {}
    for project in PROJECTS.values():
        if named.get("key") == project.key or named.get("id") == project.id:
            return project
    raise Refusal(400, errors={"project": "valid project is required"})


def checked(project: Project, fields: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """Return the fields to write.

    :raises Refusal: 400 with every field that is wrong.
    """
    errors: dict[str, str] = {}
    written: dict[str, Any] = {}
    required = ("summary", "issuetype") if new else ()
    for name in dict.fromkeys([*required, *fields]):
        if name == "project":
            continue
        rule = _RULES.get(name)
        wrong = NOT_ON_SCREEN.format(name) if rule is None else rule(project, fields.get(name))
        if wrong:
            errors[name] = wrong
        written[name] = fields.get(name)
    if errors:
        raise Refusal(400, errors=errors)
    return written


def _summary(_: Project, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        return "You must specify a summary of the issue."
    if "\n" in value or "\r" in value:
        return "The summary is invalid because it contains newline characters."
    return "Summary must be less than 255 characters." if len(value) > 255 else ""


def text(value: Any) -> str:
    """Return what is wrong with a long text, or nothing."""
    if not isinstance(value, str):
        return "Operation value must be a string"
    if len(value) > TEXT_LIMIT:
        return "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
    return ""


def _description(_: Project, value: Any) -> str:
    return "" if value is None else text(value)


def _type(project: Project, value: Any) -> str:
    if not isinstance(value, dict) or not ({"name", "id"} & value.keys()):
        return "issue type is required"
    return "" if project.type(value) else "The issue type selected is invalid."


def _labels(_: Project, value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        return "data was not an array"
    for label in value:
        if " " in label:
            return f"The label '{label}' contains spaces which is invalid."
        if len(label) > 255:
            return f"The label '{label}' exceeds the maximum length for a single label (255 characters)."
    return ""


def _priority(_: Project, value: Any) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    return "" if name in PRIORITIES else "The priority selected is invalid."


_RULES: dict[str, Callable[[Project, Any], str]] = {
    "summary": _summary,
    "description": _description,
    "issuetype": _type,
    "labels": _labels,
    "priority": _priority,
}
