"""Promotion of a build: its new status, and properties of what it made.

https://jfrog.com/help/r/jfrog-rest-apis/build-promotion
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request

from lab.artifactory import aql_criteria, build_info, clock, property_syntax
from lab.artifactory.aql_criteria import Object
from lab.artifactory.auth import Writer
from lab.artifactory.build_info import Build
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import Body, Kept
from lab.artifactory.routes_builds import find, names_in
from lab.artifactory.store import Store

router = APIRouter()
_TEXTS = ("status", "comment", "ciUser", "timestamp")
_FLAGS = ("dryRun", "copy", "artifacts", "dependencies", "failFast")


@router.post("/api/build/promote/{path:path}")
def promote(request: Request, user: Writer, store: Kept, body: Body) -> dict[str, Any]:
    """Change a build's status; nothing is copied or moved here.

    :raises Refusal: 400 when a field is not as it must be, or names a target; 404 for an unknown build.
    """
    name, number = names_in(request, "api/build/promote/")
    given = _read(body)
    build = find(store, name, number or "")[0]
    if given.get("dryRun"):
        return {"messages": []}
    pairs = (given.get("properties") or {}).items()
    properties = property_syntax.from_pairs((key, value) for key, values in pairs for value in values)
    if properties and given.get("artifacts", True):
        _annotate(store, build, properties)
    told = {field: given[field] for field in ("status", "comment", "ciUser") if field in given}
    status = told | {"timestamp": given.get("timestamp") or clock.now(), "user": user}
    info = build.info | {"statuses": [*build.info.get("statuses", ()), status]}
    with store.db.writing() as db:
        build_info.put(db, replace(build, info=info))
    return {"messages": []}


def _read(body: Any) -> dict[str, Any]:
    given = body if isinstance(body, dict) else {}
    if not isinstance(given.get("status"), str):
        raise Refusal(400, "Bad promotion: a JSON object with a 'status' is expected.")
    if given.get("targetRepo") or given.get("sourceRepo"):
        raise Refusal(
            400, "Builds are neither copied nor moved here: leave 'targetRepo' and 'sourceRepo' out."
        )
    for field, kind in (*((one, str) for one in _TEXTS), *((one, bool) for one in _FLAGS)):
        if field in given and not isinstance(given[field], kind):
            raise Refusal(400, f"Bad promotion: '{field}' must be a JSON {kind.__name__}.")
    properties = given.get("properties") or {}
    lists = list(properties.values()) if isinstance(properties, dict) else [None]
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists):
        raise Refusal(400, "Bad promotion: 'properties' must be an object of lists of strings.")
    if moment := given.get("timestamp"):
        _check_moment(moment)
    return given


def _check_moment(text: str) -> None:
    try:
        clock.parse(text)
    except ValueError:
        raise Refusal(400, f"Bad promotion: 'timestamp' is not ISO 8601: '{text[:40]}'.") from None


def _annotate(store: Store, build: Build, properties: property_syntax.Properties) -> None:
    made = Object([("@build.name", build.name), ("@build.number", build.number)])
    for item, _ in store.search(*aql_criteria.condition([made])):
        store.annotate(item.at, properties, recursive=False)
