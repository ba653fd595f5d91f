"""Jobs and their builds: everything below ``/job/``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

from lab.jenkins import config as configs
from lab.jenkins.home import Build
from lab.jenkins.refusal import Refusal, page
from lab.jenkins.request import get, shown
from lab.jenkins.submission import queried, submitted
from lab.jenkins.views import path_of

router = APIRouter()
_JOB = re.compile(r"((?:job/[^/]+/)+)(.*)")
_BUILD = re.compile(r"(\d+|lastBuild)/(.*)")


@router.get("/job/{path:path}")
async def read(request: Request) -> Response:
    """Show a job, or something of one of its builds."""
    name, rest = _split(request)
    asked = get(request)
    if of_build := _BUILD.fullmatch(rest):
        return _read_build(request, _build(request, name, of_build[1]), of_build[2])
    if rest == "api/json":
        return shown(request, lambda full: asked.views.job(name, full))
    asked.jenkins.job(name)
    if rest == "config.xml":
        return Response(asked.jenkins.home.xml(name), media_type="application/xml")
    if rest:
        raise Refusal(404, "Not Found")
    return page(200, name)


@router.post("/job/{path:path}")
async def change(request: Request) -> Response:
    """Start, stop, make and change."""
    name, rest = _split(request)
    asked = get(request)
    config = asked.jenkins.job(name)
    if of_build := re.fullmatch(r"(\d+)/stop", rest):
        build = _build(request, name, of_build[1])
        asked.jenkins.stop(name, build.number, asked.user)
        return _to(f"{path_of(name)}{build.number}/")
    if rest in ("build", "buildWithParameters"):
        return await _schedule(request, name, config, rest)
    if rest == "createItem":
        return await create(request, name)
    if rest == "config.xml":
        asked.jenkins.home.write_xml(name, (await request.body()).decode())
        return page(200, name)
    if rest in ("enable", "disable"):
        xml = configs.switched(asked.jenkins.home.xml(name), disabled=rest == "disable")
        asked.jenkins.home.write_xml(name, xml)
        return _to(path_of(name))
    if rest == "doDelete":
        for build in asked.jenkins.of_job(name):
            asked.jenkins.stop(name, build.number, asked.user)
        asked.jenkins.queue.forget([name])
        asked.jenkins.home.remove(name)
        return _to(path_of(name.rpartition("/")[0]))
    raise Refusal(404, "Not Found")


@router.post("/createItem")
async def create_at_top(request: Request) -> Response:
    """Make a job or folder."""
    return await create(request, "")


async def create(request: Request, folder: str) -> Response:
    """Make a job of the ``config.xml`` that is sent, or a folder of the form that is."""
    asked, body = get(request), (await request.body()).decode()
    form = _fields(request, body)
    name, short = f"{folder}/{form['name']}".lstrip("/"), form["name"]
    if not re.fullmatch(r"[\w .%+@-]+", short) or short in (".", ".."):
        raise Refusal(400, f"{short!r} is an unsafe name")
    if not asked.jenkins.job(folder).is_folder:
        raise Refusal(404, "Not Found")
    if asked.jenkins.home.find(name) is not None:
        raise Refusal(400, f"A job already exists with the name {short!r}")
    xml = configs.FOLDER_XML if form.get("mode") == configs.FOLDER else body
    asked.jenkins.home.write_xml(name, xml)
    return page(200, name)


async def _schedule(request: Request, name: str, config: configs.Config, how: str) -> Response:
    asked = get(request)
    if config.is_folder:
        raise Refusal(404, "Not Found")
    if config.disabled:
        raise Refusal(409, f"{name} is not buildable")
    form = _fields(request, (await request.body()).decode())
    values = queried(config, form) if how == "buildWithParameters" else submitted(config, form)
    item = asked.jenkins.schedule(name, config, values, asked.user)
    return Response(
        status_code=201, headers={"Location": f"{asked.jenkins.settings.url}queue/item/{item.id}/"}
    )


def _read_build(request: Request, build: Build, rest: str) -> Response:
    home, views = get(request).jenkins.home, get(request).views
    if rest == "api/json":
        return shown(request, lambda full: views.build(build, full))
    if rest == "consoleText":
        return PlainTextResponse(home.console(build).read_bytes())
    if rest == "logText/progressiveText":
        return _console(request, build)
    if rest.startswith("artifact/") and rest.removeprefix("artifact/") in home.artifacts(build):
        return FileResponse(home.archive(build) / rest.removeprefix("artifact/"))
    if rest:
        raise Refusal(404, "Not Found")
    return page(200, f"{build.job} #{build.number}")


def _console(request: Request, build: Build) -> Response:
    """Show what was written after ``start``, and how much there is by now."""
    path = get(request).jenkins.home.console(build)
    written = path.read_bytes() if path.exists() else b""
    start = int(request.query_params.get("start", "0"))
    headers = {"X-Text-Size": str(len(written))} | ({"X-More-Data": "true"} if build.building else {})
    return PlainTextResponse(written[start:] if start <= len(written) else written, headers=headers)


def _build(request: Request, name: str, number: str) -> Build:
    home = get(request).jenkins.home
    get(request).jenkins.job(name)
    return home.build(name, home.next_number(name) - 1 if number == "lastBuild" else int(number))


def _split(request: Request) -> tuple[str, str]:
    """Return the job's full name, and what of it is meant."""
    path = request.url.path.lstrip("/")
    found = _JOB.fullmatch(path if path.endswith("/") or path.count("/") != 1 else f"{path}/")
    if found is None or ".." in path.split("/"):
        raise Refusal(404, "Not Found")
    return found[1].replace("job/", "", 1).replace("/job/", "/").strip("/"), found[2]


def _fields(request: Request, body: str) -> dict[str, str]:
    kind = request.headers.get("content-type", "")
    sent: Mapping[str, Any] = dict(parse_qsl(body, keep_blank_values=True)) if "form" in kind else {}
    return {**sent, **request.query_params}  # a servlet takes the query's first


def _to(path: str) -> Response:
    return RedirectResponse(f"/{path}", status_code=302)
