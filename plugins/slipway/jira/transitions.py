"""Which step of its workflow ends an issue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PREFERRED = ("Done", "Fixed", "Resolved")


@dataclass(frozen=True)
class Way:
    """A transition, and the resolution that its screen asks for."""

    id: str
    name: str
    resolution: str = ""


def choose(transitions: Iterable[Mapping[str, Any]]) -> Way | None:
    """Return the first transition to a finished status that asks for nothing but a resolution, or None.

    :param transitions: as Jira shows them, with the fields of their screens.
    """
    for shown in transitions:
        if shown.get("to", {}).get("statusCategory", {}).get("key") != "done":
            continue
        required = {
            name: field
            for name, field in (shown.get("fields") or {}).items()
            if field.get("required") and not field.get("hasDefaultValue")
        }
        resolution = _resolution(required.pop("resolution", None))
        if not required and resolution is not None:
            return Way(str(shown["id"]), str(shown.get("name", "")), resolution)
    return None


def _resolution(field: Mapping[str, Any] | None) -> str | None:
    """Return the resolution to give; "" when none is asked for, None when there is none to give."""
    if field is None:
        return ""
    names = [str(value["name"]) for value in field.get("allowedValues", ()) if "name" in value]
    return next((name for name in PREFERRED if name in names), names[0] if names else None)
