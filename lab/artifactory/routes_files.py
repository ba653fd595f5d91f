"""Files themselves: deploy, fetch, delete. https://jfrog.com/help/r/jfrog-rest-apis/artifacts-and-storage"""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from starlette.requests import ClientDisconnect

from lab.artifactory import clock, items, property_syntax, views
from lab.artifactory.auth import Reader, Writer
from lab.artifactory.checksums import Claimed
from lab.artifactory.item_path import Target
from lab.artifactory.items import Content, Item
from lab.artifactory.property_syntax import Properties
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import Base, Kept, target
from lab.artifactory.store import Store

router = APIRouter()
_WRITTEN_AT_ONCE = 1024**2
"""Going to another thread for every few kilobytes takes longer than hashing them."""
_EXPLODE = ("x-explode-archive", "x-explode-archive-atomic")


@router.api_route("/api/{rest:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def not_here(request: Request, _: Reader) -> None:
    """Refuse the calls of Artifactory that this server does not have.

    :raises Refusal: 501 always.
    """
    raise Refusal(501, f"This stand-in of Artifactory does not serve {request.method} {request.url.path}.")


@router.put("/{path:path}")
async def deploy(request: Request, user: Writer, store: Kept, base: Base) -> JSONResponse:
    """Make a folder (a path with a slash at its end) or a file, of the body or by checksum.

    :raises Refusal: 400 for what cannot be deployed; 404 when content known by checksum only is not here;
        409 when the content is not what the headers say.
    """
    where = target(request)
    given = property_syntax.from_pairs(where.matrix)
    if any(request.headers.get(name, "").lower() == "true" for name in _EXPLODE):
        raise Refusal(400, "Archives are not exploded here: deploy each file of the archive itself.")
    await run_in_threadpool(store.check_target, where.at, folder=where.is_folder)
    item = await _deploy(request, store, where, given, user)
    shown = views.created(base, item)
    return JSONResponse(shown, 201, {"Location": shown["uri"]}, views.CREATED)


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
def fetch(request: Request, user: Reader, store: Kept) -> Response:
    """Return a file, or the part that header ``Range`` asks for.

    :raises Refusal: 404 when there is no such file.
    """
    item, _ = store.get(target(request).at)
    if item.content is None:
        raise Refusal(404, f"File not found: '{item.at}' is a folder; list it with api/storage.")
    if request.method == "GET":
        with store.db.writing() as db:
            items.count_download(db, item, user)
    path = store.files.path(item.content.checksums.sha256)
    return FileResponse(path, headers=_headers(item, item.content), media_type=item.content.mime)


@router.delete("/{path:path}")
def delete(request: Request, _: Writer, store: Kept) -> Response:
    """Delete a file, or a folder with all it holds.

    :raises Refusal: 404 when there is none.
    """
    store.delete(target(request).at)
    return Response(status_code=204)


async def _deploy(request: Request, store: Store, where: Target, given: Properties, user: str) -> Item:
    claimed = Claimed.from_headers(request.headers)
    if where.is_folder:
        return await run_in_threadpool(store.make_folder, where.at, given, user)
    if request.headers.get("x-checksum-deploy", "").lower() == "true":
        return await run_in_threadpool(store.deploy_by_checksum, where.at, claimed, given, user)
    spool = store.files.spool()
    try:
        held: list[bytes] = []
        async for data in request.stream():
            held.append(data)
            if sum(map(len, held)) >= _WRITTEN_AT_ONCE:
                await run_in_threadpool(spool.write, b"".join(held))
                held.clear()
        await run_in_threadpool(spool.write, b"".join(held))
        return await run_in_threadpool(store.deploy, where.at, spool, claimed, given, user)
    except ClientDisconnect:
        raise Refusal(400, "The upload broke off; nothing of it was kept.") from None
    finally:
        spool.discard()


def _headers(item: Item, content: Content) -> dict[str, str]:
    name = quote(item.at.name, safe="")
    return {
        "ETag": content.checksums.sha1,
        "Last-Modified": clock.http(item.modified),
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "X-Artifactory-Filename": name,
        **{f"X-Checksum-{kind.title()}": value for kind, value in content.checksums.to_json().items()},
    }
