"""Descriptions of items, and their properties: https://jfrog.com/help/r/jfrog-rest-apis/artifacts-and-storage."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from lab.artifactory import items, property_syntax, views
from lab.artifactory.auth import Reader, Writer
from lab.artifactory.item_path import ItemPath
from lab.artifactory.items import Item
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import Base, Body, Kept, flag, number, target
from lab.artifactory.store import Store

router = APIRouter()
_STORAGE, _METADATA = "api/storage/", "api/metadata/"


@router.get("/api/storage/{path:path}")
def describe(request: Request, _: Reader, store: Kept, base: Base) -> JSONResponse:
    """Describe an item: as a whole, or what the query asks for (``properties``, ``list``, ...).

    :raises Refusal: 404 when there is none, or it has none of the properties asked for.
    """
    at = target(request, _STORAGE).at
    asked = request.query_params
    if "properties" in asked:
        return _properties(store, at, base, asked["properties"])
    item = store.get(at)[0]
    if "list" in asked:
        return JSONResponse(views.listing(base, item, _listed(request, store, item)), media_type=views.LIST)
    if "stats" in asked:
        return JSONResponse(views.stats(base, item), media_type=views.STATS)
    with store.db.reading() as db:
        below, children = items.below(db, at), items.children(db, at)
    if "lastModified" in asked:
        latest = max([item, *below], key=lambda one: one.modified)
        shown = {"uri": views.storage_uri(base, latest.at), "lastModified": latest.modified}
        return JSONResponse(shown, media_type=views.MODIFIED)
    kind = views.FOLDER if item.is_folder else views.FILE
    return JSONResponse(views.info(base, item, children), media_type=kind)


@router.put("/api/storage/{path:path}")
def annotate(request: Request, _: Writer, store: Kept) -> Response:
    """Give properties to an item, and to all below it unless ``recursive=0``.

    :raises Refusal: 400 when the properties are not written as they must be; 404 for an unknown item.
    """
    given = property_syntax.parse(_asked(request))
    store.annotate(target(request, _STORAGE).at, given, recursive=flag(request, "recursive", default=True))
    return Response(status_code=204)


@router.delete("/api/storage/{path:path}")
def strip(request: Request, _: Writer, store: Kept) -> Response:
    """Take properties from an item, and from all below it unless ``recursive=0``.

    :raises Refusal: 400 when none are named; 404 for an unknown item.
    """
    names = property_syntax.names(_asked(request))
    at = target(request, _STORAGE).at
    store.annotate(at, {}, removing=names, recursive=flag(request, "recursive", default=True))
    return Response(status_code=204)


@router.patch("/api/metadata/{path:path}")
def update(request: Request, _: Writer, store: Kept, body: Body) -> Response:
    """Set and remove properties in one go: https://jfrog.com/help/r/jfrog-rest-apis/update-item-properties.

    :raises Refusal: 400 when the body is not as it must be; 404 for an unknown item.
    """
    given, removing = property_syntax.from_json(body)
    recursive = flag(request, "recursiveProperties", default=flag(request, "recursive", default=True))
    store.annotate(target(request, _METADATA).at, given, removing=removing, recursive=recursive)
    return Response(status_code=204)


def _asked(request: Request) -> str:
    if not (given := request.query_params.get("properties")):
        raise Refusal(400, "Parameter 'properties' is missing, or names none.")
    return given


def _properties(store: Store, at: ItemPath, base: str, asked: str) -> JSONResponse:
    found = store.get(at)[1]
    names = property_syntax.names(asked)
    shown = {name: list(values) for name, values in found.items() if not names or name in names}
    if not shown:
        raise Refusal(404, "No properties could be found.")
    return JSONResponse(
        {"properties": shown, "uri": views.storage_uri(base, at)}, media_type=views.PROPERTIES
    )


def _listed(request: Request, store: Store, folder: Item) -> list[Item]:
    if not folder.is_folder:
        raise Refusal(400, f"Expected a folder but found a file, at: {folder.at}")
    deep = (number(request, "depth") or 0) if flag(request, "deep") else 1
    own = folder.at.depth
    with store.db.reading() as db:
        below = items.below(db, folder.at)
    return [
        item
        for item in below
        if (flag(request, "listFolders") or not item.is_folder) and (not deep or item.at.depth - own <= deep)
    ]
