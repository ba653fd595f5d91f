"""Pydantic's complaints about a document, in the words of the person who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from slipway.flow.document_tree import DocumentNode
from slipway.flow.record import Record

_TYPES = {
    "string_type": "must be a string; put it in quotes",
    "int_type": "must be a whole number, without quotes",
    "bool_type": "must be true or false, without quotes",
    "dict_type": "must be a mapping: one `key: value` a line",
    "model_type": "must be a mapping: one `field: value` a line",
    "tuple_type": "must be a list: one `- item` a line, or [item, item]",
    "list_type": "must be a list: one `- item` a line, or [item, item]",
}
_LIMITS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda limit: f"must be at least {limit['ge']}",
    "less_than_equal": lambda limit: f"must be at most {limit['le']}",
    "too_short": lambda limit: f"must have at least {limit['min_length']}; add what is missing",
    "too_long": lambda limit: f"must have at most {limit['max_length']}; take out the rest",
    "string_too_short": lambda limit: f"must have at least {limit['min_length']} characters",
    "string_too_long": lambda limit: f"must have at most {limit['max_length']} characters; shorten it",
    "literal_error": lambda limit: f"must be {limit['expected']}",
    "rule": lambda limit: str(limit["rule"]),
    "value_error": lambda limit: str(limit["error"]),
}


@dataclass(frozen=True, order=True)
class Complaint:
    """One rule that a line breaks."""

    line: int
    field: str
    text: str


def complaints(error: ValidationError, root: DocumentNode, model: type[Record]) -> list[Complaint]:
    """Return what is wrong, in the order of the lines."""
    schema = _schema_of(model)
    found = {
        _complaint(detail, root, schema)
        for detail in error.errors(include_url=False)
        if not _follows_from_another(detail)
    }
    return sorted(found)


@cache
def _schema_of(model: type[Record]) -> dict[str, Any]:
    return model.model_json_schema()


def _follows_from_another(detail: ErrorDetails) -> bool:
    """Say whether a list is called short only because what it holds is wrong."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _complaint(detail: ErrorDetails, root: DocumentNode, schema: dict[str, Any]) -> Complaint:
    node, steps, line = root, [], root.line
    for step in detail["loc"]:
        if step in node.inside:
            line = (
                node.key_lines.get(step, node.inside[step].line)
                if isinstance(step, str)
                else node.inside[step].line
            )
            node = node.inside[step]
            steps.append(step)
    kind = detail["type"]
    if kind == "missing":
        steps.append(detail["loc"][-1])
    if kind in ("missing", "extra_forbidden"):
        siblings = _fields(schema, steps[:-1])
        return Complaint(line, _path(steps), _about_fields(kind, str(steps[-1]), siblings))
    return Complaint(line, _path(steps), _about_value(detail))


def _about_fields(kind: str, name: str, siblings: Mapping[str, Any]) -> str:
    if kind == "missing":
        purpose = siblings.get(name, {}).get("description")
        return f"is required and missing; add it{f' ({purpose})' if purpose else ''}"
    if near := difflib.get_close_matches(name, siblings, n=1):
        return f"is not a field here; did you mean {near[0]}?"
    return f"is not a field here; remove it (fields here: {', '.join(sorted(siblings)) or 'none'})"


def _about_value(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind in _TYPES:
        return _TYPES[kind]
    if kind in _LIMITS:
        return _LIMITS[kind](detail.get("ctx", {}))
    return detail["msg"]


def _path(steps: list[str | int]) -> str:
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            shown = step if step.isprintable() and len(step) <= 60 else repr(step[:60])
            text += f".{shown}" if text else shown
    return text


def _fields(schema: dict[str, Any], steps: list[str | int]) -> Mapping[str, Any]:
    """Return the fields that JSON Schema ``schema`` knows at ``steps``."""
    places = _resolve(schema, schema)
    for step in steps:
        places = [inner for place in places for inner in _inner(place, step, schema)]
    return {name: sub for place in places for name, sub in place.get("properties", {}).items()}


def _inner(place: dict[str, Any], step: str | int, root: dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(step, int):
        return _resolve(place.get("items", {}), root)
    if step in (own := place.get("properties", {})):
        return _resolve(own[step], root)
    others = [*place.get("patternProperties", {}).values(), place.get("additionalProperties")]
    return [found for other in others if isinstance(other, dict) for found in _resolve(other, root)]


def _resolve(place: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in place:
        return _resolve(root["$defs"][place["$ref"].rpartition("/")[2]], root)
    choices = place.get("anyOf") or place.get("oneOf")
    return [place] if choices is None else [found for one in choices for found in _resolve(one, root)]
