"""The projects: what kinds of issues they have, and how an issue moves from status to status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Category = Literal["new", "indeterminate", "done"]
CATEGORIES: Mapping[Category, tuple[int, str]] = {
    "new": (2, "To Do"),
    "indeterminate": (4, "In Progress"),
    "done": (3, "Done"),
}
RESOLUTIONS = ("Fixed", "Won't Fix", "Done")


@dataclass(frozen=True)
class IssueType:
    """A kind of issue."""

    id: str
    name: str

    def shown(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {"id": self.id, "name": self.name, "subtask": False}


@dataclass(frozen=True)
class Status:
    """A state of an issue."""

    id: str
    name: str
    category: Category

    def shown(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        number, name = CATEGORIES[self.category]
        category = {"id": number, "key": self.category, "name": name}
        return {"id": self.id, "name": self.name, "statusCategory": category}


@dataclass(frozen=True)
class Transition:
    """A step from some statuses to another; its screen may ask for a resolution."""

    id: str
    name: str
    to: Status
    source: frozenset[str] | None = None
    """Names of statuses that it starts at; None for all."""
    asks_resolution: bool = False

    def starts_at(self, status: str) -> bool:
        """Say whether an issue of this status may take it."""
        return self.source is None or status in self.source

    def shown(self, *, fields: bool) -> dict[str, Any]:
        """Return it as the API shows it."""
        shown: dict[str, Any] = {"id": self.id, "name": self.name, "to": self.to.shown()}
        if fields:
            allowed = [{"name": name} for name in RESOLUTIONS]
            resolution = {"required": True, "name": "Resolution", "allowedValues": allowed}
            shown["fields"] = {"resolution": resolution} if self.asks_resolution else {}
        return shown


@dataclass(frozen=True)
class Project:
    """A project with its issue types and its workflow, whose first status is a new issue's."""

    id: str
    key: str
    name: str
    types: tuple[IssueType, ...]
    statuses: tuple[Status, ...]
    transitions: tuple[Transition, ...]

    def type(self, asked: Mapping[str, Any]) -> IssueType | None:
        """Return the type that is asked for by id or name, or None."""
        return next(
            (one for one in self.types if asked.get("id") == one.id or asked.get("name") == one.name), None
        )

    def status(self, name: str) -> Status:
        """Return a status of the workflow."""
        return next(status for status in self.statuses if status.name == name)


_BUG, _TASK = IssueType("1", "Bug"), IssueType("3", "Task")
_STORY, _INCIDENT = IssueType("10001", "Story"), IssueType("10002", "Incident")
_TODO, _DOING = Status("10000", "To Do", "new"), Status("3", "In Progress", "indeterminate")
_DONE = Status("10001", "Done", "done")
_OPEN, _REOPENED = Status("1", "Open", "new"), Status("4", "Reopened", "new")
_RESOLVED, _CLOSED = Status("5", "Resolved", "done"), Status("6", "Closed", "done")
_UNRESOLVED = frozenset({"Open", "In Progress", "Reopened"})

PROJECTS = {
    "SLIP": Project(
        "10000",
        "SLIP",
        "Slipway",
        (_BUG, _TASK, _STORY),
        (_TODO, _DOING, _DONE),
        (
            Transition("11", "To Do", _TODO),
            Transition("21", "In Progress", _DOING),
            Transition("31", "Done", _DONE),
        ),
    ),
    "OPS": Project(
        "10001",
        "OPS",
        "Operations",
        (_BUG, _INCIDENT),
        (_OPEN, _DOING, _REOPENED, _RESOLVED, _CLOSED),
        (
            Transition("4", "Start Progress", _DOING, frozenset({"Open", "Reopened"})),
            Transition("5", "Resolve Issue", _RESOLVED, _UNRESOLVED, asks_resolution=True),
            Transition("2", "Close Issue", _CLOSED, _UNRESOLVED | {"Resolved"}, asks_resolution=True),
            Transition("3", "Reopen Issue", _REOPENED, frozenset({"Resolved", "Closed"})),
        ),
    ),
}
"""``SLIP`` has the simplified workflow: every status is one step away. ``OPS`` has the classic one, which
asks for a resolution."""
