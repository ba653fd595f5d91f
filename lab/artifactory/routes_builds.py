"""Build-info: https://jfrog.com/help/r/jfrog-rest-apis/builds."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from lab.artifactory import aql_criteria, build_info
from lab.artifactory.aql_criteria import Object
from lab.artifactory.auth import Reader, Writer
from lab.artifactory.build_info import Build
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import Base, Body, Kept, flag, raw_path
from lab.artifactory.store import Store

router = APIRouter()


@router.put("/api/build")
def publish(_: Writer, store: Kept, body: Body) -> Response:
    """Keep a build-info document.

    :raises Refusal: 400 when it is none.
    """
    build = build_info.read(body)
    with store.db.writing() as db:
        build_info.put(db, build)
    return Response(status_code=204)


@router.get("/api/build")
def names(_: Reader, store: Kept, base: Base) -> dict[str, Any]:
    """List the builds by name, each with its last start.

    :raises Refusal: 404 when there are none.
    """
    latest: dict[str, str] = {}
    for build in find(store):
        latest.setdefault(build.name, build.started)
    shown = [{"uri": f"/{_quoted(name)}", "lastStarted": started} for name, started in latest.items()]
    return {"uri": f"{base}/api/build", "builds": shown}


@router.post("/api/build/delete")
def delete_by_body(_: Writer, store: Kept, body: Body) -> PlainTextResponse:
    """Delete builds as a JSON object says.

    :raises Refusal: 400 when it is no such object; 404 when there are no such builds.
    """
    wanted = body if isinstance(body, dict) else {}
    name, numbers = wanted.get("buildName"), wanted.get("buildNumbers") or []
    if not isinstance(name, str) or not isinstance(numbers, list):
        raise Refusal(400, "Bad request: 'buildName' is required, 'buildNumbers' is a list.")
    every, artifacts = wanted.get("deleteAll") is True, wanted.get("deleteArtifacts") is True
    return _delete(store, name, None if every else [str(one) for one in numbers], artifacts=artifacts)


@router.get("/api/build/{path:path}")
def describe(request: Request, _: Reader, store: Kept, base: Base) -> dict[str, Any]:
    """List a build's runs, or return the document of one (the latest of that number, or the one ``started``).

    :raises Refusal: 400 for what this server does not compute; 404 when there is no such build.
    """
    if "diff" in request.query_params:
        raise Refusal(400, "Builds are not compared here: fetch both documents and compare them.")
    name, number = names_in(request, "api/build/")
    if number is None:
        shown = [{"uri": f"/{_quoted(run.number)}", "started": run.started} for run in find(store, name)]
        return {"uri": f"{base}/api/build/{_quoted(name)}", "buildsNumbers": shown}
    started = request.query_params.get("started")
    for run in find(store, name, number):
        if started in (None, run.started):
            uri = f"{base}/api/build/{_quoted(name)}/{_quoted(number)}"
            return {"uri": uri, "buildInfo": run.info}
    raise Refusal(
        404, f"No build was found for build name: {name}, build number: {number}, started: {started}"
    )


@router.delete("/api/build/{path:path}")
def delete(request: Request, _: Writer, store: Kept) -> PlainTextResponse:
    """Delete runs of a build (``buildNumbers=1,2``) or all (``deleteAll=1``), with what they made when asked.

    :raises Refusal: 400 when it is not said which; 404 when there are none such.
    """
    name, number = names_in(request, "api/build/")
    if number is not None:
        raise Refusal(400, "Name the runs in parameter 'buildNumbers', not in the path.")
    numbers = [one for one in request.query_params.get("buildNumbers", "").split(",") if one]
    wanted = None if flag(request, "deleteAll") else numbers
    return _delete(store, name, wanted, artifacts=flag(request, "artifacts"))


def _delete(store: Store, name: str, numbers: list[str] | None, *, artifacts: bool) -> PlainTextResponse:
    if numbers == []:
        raise Refusal(400, "Say which builds: 'buildNumbers', or 'deleteAll'.")
    every = find(store, name)
    builds = every if numbers is None else [build for build in every if build.number in numbers]
    if missing := sorted(set(numbers or []) - {build.number for build in builds}):
        raise Refusal(404, f"No build was found for build name: {name}, build number: {missing[0]}")
    if artifacts:
        for number in {build.number for build in builds}:
            _delete_artifacts(store, name, number)
    with store.db.writing() as db:
        build_info.remove(db, builds)
    if numbers is None:
        return PlainTextResponse(f"All '{name}' builds have been deleted successfully.")
    done = ", ".join(f"'{name}#{number}'" for number in dict.fromkeys(numbers))
    return PlainTextResponse(f"The following builds has been deleted successfully: {done}.")


def _delete_artifacts(store: Store, name: str, number: str) -> None:
    made = Object([("@build.name", name), ("@build.number", number)])
    for item, _ in store.search(*aql_criteria.condition([made])):
        store.delete(item.at)


def find(store: Store, name: str | None = None, number: str | None = None) -> list[Build]:
    """Return the builds of a name and number, the latest first.

    :raises Refusal: 404 when there are none.
    """
    with store.db.reading() as db:
        found = build_info.find(db, name, number)
    if not found:
        asked = (f"build name: {name}" if name else "", f"build number: {number}" if number else "")
        raise Refusal(404, f"No build was found for {', '.join(filter(None, asked)) or 'any build name'}")
    return found


def names_in(request: Request, prefix: str) -> tuple[str, str | None]:
    """Read a build's name and, when there is one, its number from the path after ``prefix``."""
    name, slash, number = raw_path(request, prefix).strip("/").partition("/")
    return unquote(name), unquote(number) if slash else None


def _quoted(text: str) -> str:
    return quote(text, safe="")
