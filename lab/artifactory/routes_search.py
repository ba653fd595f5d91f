"""Searches: https://jfrog.com/help/r/jfrog-rest-apis/searches."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from lab.artifactory import aql, aql_criteria, views
from lab.artifactory.aql import Query
from lab.artifactory.aql_criteria import Object
from lab.artifactory.auth import Reader
from lab.artifactory.items import Item
from lab.artifactory.property_syntax import Properties
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import Base, Kept, Text
from lab.artifactory.store import Store

router = APIRouter()
_CHECKSUMS = {"sha256": "sha256", "sha1": "actual_sha1", "md5": "actual_md5"}


@router.post("/api/search/aql")
def by_query(text: Text, _: Reader, store: Kept) -> dict[str, Any]:
    """Answer a query in AQL.

    :raises Refusal: 400 when the query cannot be read.
    """
    query = aql.parse(text)
    found = _sorted(query, _find(store, query.criteria))
    end = None if query.limit is None else query.offset + query.limit
    page = [query.output.show(item, given) for item, given in found[query.offset : end]]
    bounds = {"start_pos": query.offset, "end_pos": query.offset + len(page), "total": len(page)}
    return {"results": page, "range": bounds | ({} if query.limit is None else {"limit": query.limit})}


@router.get("/api/search/prop")
def by_property(request: Request, _: Reader, store: Kept, base: Base) -> JSONResponse:
    """Find the items that have each of the properties; ``*`` and ``?`` in a value stand for other characters.

    :raises Refusal: 400 when no property is named, or one has several values.
    """
    given = [(name, value) for name, value in request.query_params.multi_items() if name != "repos"]
    if not given or any("," in value for _, value in given):
        raise Refusal(400, "Name properties as p1=v1&p2=v2, each with one value at most.")
    wanted = Object((f"@{name}", Object([("$match", value or "*")])) for name, value in given)
    return _results(request, base, _find(store, [wanted, Object([("type", "any")]), *_repos(request)]))


@router.get("/api/search/checksum")
def by_checksum(request: Request, _: Reader, store: Kept, base: Base) -> JSONResponse:
    """Find the files with a checksum (``sha256``, ``sha1`` or ``md5``).

    :raises Refusal: 400 when none is given.
    """
    asked = request.query_params
    wanted = Object((field, asked[kind].lower()) for kind, field in _CHECKSUMS.items() if kind in asked)
    if not wanted:
        raise Refusal(400, f"Give a checksum: {', '.join(_CHECKSUMS)}.")
    return _results(request, base, _find(store, [wanted, *_repos(request)]))


def _find(store: Store, criteria: list[Object]) -> list[tuple[Item, Properties]]:
    condition, values = aql_criteria.condition(criteria)
    return store.search(condition, values, aql_criteria.within(criteria))


def _repos(request: Request) -> list[Object]:
    if not (given := request.query_params.get("repos")):
        return []
    return [Object([("$or", [Object([("repo", key)]) for key in given.split(",")])])]


def _sorted(query: Query, found: list[tuple[Item, Properties]]) -> list[tuple[Item, Properties]]:
    def key(one: tuple[Item, Properties]) -> list[tuple[bool, Any]]:
        shown = query.output.show(*one)
        return [(name in shown, shown.get(name)) for name in query.sort]

    return sorted(found, key=key, reverse=query.descending) if query.sort else found


def _results(request: Request, base: str, found: list[tuple[Item, Properties]]) -> JSONResponse:
    detail = {word.strip() for word in request.headers.get("x-result-detail", "").split(",")}
    results = []
    for item, given in found:
        shown: dict[str, Any] = {"uri": views.storage_uri(base, item.at)}
        if "info" in detail:
            shown |= views.info(base, item)
        if "properties" in detail:
            shown |= {"properties": {name: list(values) for name, values in given.items()}}
        results.append(shown)
    return JSONResponse({"results": results})
