"""Artifactory Query Language, read: https://docs.jfrog.com/artifactory/docs/aql-syntax.

``items.find({criteria})[.include("field", ...)][.sort({"$asc": [...]})][.offset(n)][.limit(n)]``
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from lab.artifactory.aql_criteria import Object
from lab.artifactory.aql_fields import DEFAULT, ITEM, STATS, Output
from lab.artifactory.refusal import Refusal

_CALL = re.compile(r"\s*\.?\s*([A-Za-z.]+)\s*\(")
_SPACE = re.compile(r"\s*")
_JSON = json.JSONDecoder(object_pairs_hook=Object)
_LONGEST = 100_000


@dataclass(frozen=True)
class Query:
    """A question about items."""

    criteria: list[Object]
    output: Output
    sort: tuple[str, ...] = ()
    descending: bool = False
    offset: int = 0
    limit: int | None = None


def parse(text: str) -> Query:
    """Read a query.

    :raises Refusal: 400 when it is none, or asks for what this server does not have.
    """
    if len(text) > _LONGEST:
        raise Refusal(400, f"A query may have at most {_LONGEST} characters; ask in several queries.")
    calls = _calls(text.strip())
    criteria = calls.pop("items.find")
    if not all(isinstance(one, Object) for one in criteria):
        raise _bad("find takes objects, as items.find({...})")
    output = _output(calls.pop("include", []))
    descending, sort = _sort(calls.pop("sort", []), output)
    distinct = calls.pop("distinct", [True])
    if len(distinct) != 1 or not isinstance(distinct[0], bool):
        raise _bad("distinct takes true or false")
    offset, limit = _count(calls, "offset"), _count(calls, "limit")
    if calls:
        raise _bad(f"'{next(iter(calls))[:40]}' is unknown")
    return Query(criteria, output, sort, descending, offset or 0, limit)


def _calls(text: str) -> dict[str, list[Any]]:
    """Read ``name(JSON, ...)`` after ``name(JSON, ...)``."""
    found: dict[str, list[Any]] = {}
    position = 0
    while position < len(text):
        call = _CALL.match(text, position)
        if call is None or call[1] in found or (not found) != (call[1] == "items.find"):
            raise _bad(
                f"expected items.find(...), then .include(...) and the like, at: {text[position:][:40]!r}"
            )
        found[call[1]], position = _arguments(text, call.end())
    if not found:
        raise _bad("it is empty")
    return found


def _arguments(text: str, position: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    position = _skip(text, position)
    while not text.startswith(")", position):
        try:
            value, position = _JSON.raw_decode(text, position)
        except ValueError:
            raise _bad(f"expected JSON at: {text[position:][:40]!r}") from None
        values.append(value)
        position = _skip(text, position)
        if text.startswith(",", position):
            position = _skip(text, position + 1)
        elif not text.startswith(")", position):
            raise _bad(f"expected ')' at: {text[position:][:40]!r}")
    return values, position + 1


def _output(names: list[Any]) -> Output:
    fields: list[str] = []
    stats: list[str] = []
    properties: set[str] | None = set()
    for name in names:
        if name == "*":
            fields += ITEM
        elif name in ITEM:
            fields.append(name)
        elif name in ("stat", "stat.*"):
            stats += STATS
        elif name in STATS:
            stats.append(name)
        elif name in ("property", "property.*"):
            properties = None
        elif isinstance(name, str) and name.startswith("@") and len(name) > 1:
            properties = None if properties is None else properties | {name[1:]}
        else:
            raise _bad(f"{str(name)[:80]!r} is not a field that this server can include")
    shown = None if properties is None else frozenset(properties)
    return Output(tuple(dict.fromkeys(fields or DEFAULT)), tuple(stats), shown)


def _sort(given: list[Any], output: Output) -> tuple[bool, tuple[str, ...]]:
    if not given:
        return False, ()
    pairs = given[0] if len(given) == 1 and isinstance(given[0], Object) else []
    if len(pairs) != 1 or pairs[0][0] not in ("$asc", "$desc") or not isinstance(pairs[0][1], list):
        raise _bad('sort takes {"$asc": ["field", ...]} or {"$desc": ["field", ...]}')
    for name in pairs[0][1]:
        if name not in output.fields:
            raise _bad(f"results are sorted by fields that they include; {str(name)[:80]!r} is none")
    return pairs[0][0] == "$desc", tuple(pairs[0][1])


def _count(calls: dict[str, list[Any]], name: str) -> int | None:
    if name not in calls:
        return None
    match calls.pop(name):
        case [int(count)] if count >= 0 and not isinstance(count, bool):
            return count
    raise _bad(f"{name} takes a whole number")


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _bad(why: str) -> Refusal:
    return Refusal(400, f"Failed to parse query: {why}.")
