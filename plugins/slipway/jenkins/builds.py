"""Jobs, the queue and builds, as far as a delegated build needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.flow.record import Record
from slipway.jenkins.errors import JenkinsError, MissingError
from slipway.jenkins.server import JenkinsServer, path_of

OWN = "SLIPWAY_BUILD"
"""Parameter by which a build is found again; its value is one request's and no other's."""
_PARAMETERS = "actions[parameters[name,value]]"
_RECENT = 200
"""Builds of a job that are searched."""


class Parameter(Record):
    """A parameter that a job asks for."""

    name: str
    default: str | None
    """None: it must be given."""
    choices: tuple[str, ...] = ()


class Job(Record):
    """A job."""

    name: str
    buildable: bool
    parameters: tuple[Parameter, ...]


class RequestPlace(Record):
    """Where a request for a build is by now: an item of the queue, or a build."""

    item: int | None = None
    number: int | None = None
    cancelled: bool = False
    why: str = ""
    """Why it still waits, in Jenkins' words."""


class BuildState(Record):
    """A build."""

    job: str
    number: int
    url: str
    building: bool
    result: str | None
    stopped: str = ""
    """The user who aborted it, by Jenkins' record."""
    artifacts: tuple[str, ...]
    fingerprints: tuple[str, ...]


def get_job(server: JenkinsServer, job: str) -> Job:
    """Return a job.

    :raises JenkinsError: when there is none, or it is a folder.
    """
    parameters = "property[parameterDefinitions[name,choices,defaultParameterValue[value]]]"
    found = server.read(path_of(job), f"job {job}", tree=f"buildable,{parameters}")
    if "buildable" not in found:
        raise JenkinsError(f"{job} is a folder in Jenkins. Name a job in it.")
    asked = [one for property_ in found["property"] for one in property_.get("parameterDefinitions", ())]
    return Job(name=job, buildable=found["buildable"], parameters=tuple(map(_parameter, asked)))


def find(server: JenkinsServer, job: str, own: str) -> RequestPlace | None:
    """Return where the request with this value of :data:`OWN` is, or None when Jenkins knows of none.

    The queue is read first: what leaves it meanwhile is among the builds.
    """
    queue = server.read("queue/", "the queue", tree=f"items[id,task[url],{_PARAMETERS}]")
    for item in queue["items"]:
        if _value(item, OWN) == own:
            return RequestPlace(item=item["id"])
    what = f"job {job}"
    builds = server.read(path_of(job), what, tree=f"builds[number,{_PARAMETERS}]{{0,{_RECENT}}}")["builds"]
    return next((RequestPlace(number=build["number"]) for build in builds if _value(build, OWN) == own), None)


def start(server: JenkinsServer, job: str, parameters: Mapping[str, str]) -> int:
    """Ask for a build; returns its item in the queue."""
    answer = server.post(f"{path_of(job)}buildWithParameters", f"a build of job {job}", parameters)
    item = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
    if not item.isdigit():
        raise JenkinsError(
            f"Jenkins gave no queue item for the build of {job}. Check that it is a job that can be built."
        )
    return int(item)


def get_item(server: JenkinsServer, item: int) -> RequestPlace | None:
    """Return where an item of the queue went; None when Jenkins forgot it, as by a restart."""
    try:
        found = server.read(f"queue/item/{item}/", f"item {item} of the queue")
    except MissingError:
        return None
    if build := found.get("executable"):
        return RequestPlace(number=build["number"])
    return RequestPlace(item=item, cancelled=bool(found.get("cancelled")), why=str(found.get("why") or ""))


def get_build(server: JenkinsServer, job: str, number: int) -> BuildState:
    """Return how a build is."""
    shown = "number,url,building,result,artifacts[relativePath],fingerprint[hash],actions[causes[*]]"
    found = server.read(f"{path_of(job)}{number}/", f"build {number} of job {job}", tree=shown)
    return BuildState(
        job=job,
        number=number,
        url=str(found.get("url") or ""),
        # A pipeline has its result before its last steps have run.
        building=bool(found["building"]),
        result=found["result"],
        stopped="; ".join(_stopped(found)),
        artifacts=tuple(one["relativePath"] for one in found.get("artifacts", ())),
        fingerprints=tuple(one["hash"] for one in found.get("fingerprint") or ()),
    )


def cancel(server: JenkinsServer, job: str, own: str) -> RequestPlace | None:
    """Cancel a request in the queue, or abort its build; returns which was cancelled."""
    first = None
    for _ in range(3):  # it may begin between two requests
        place = find(server, job, own)
        first = first or place
        if place is None:
            break
        if place.number is not None:
            server.post(f"{path_of(job)}{place.number}/stop", f"the end of build {place.number} of {job}")
            break
        try:
            server.post(f"queue/cancelItem?id={place.item}", f"item {place.item} of the queue")
        except MissingError:
            continue  # some versions answer so whatever they did
    return first


def _parameter(asked: Mapping[str, Any]) -> Parameter:
    default = (asked.get("defaultParameterValue") or {}).get("value")
    return Parameter(
        name=asked["name"],
        default=None if default is None else str(default),
        choices=tuple(map(str, asked.get("choices") or ())),
    )


def _value(item: Mapping[str, Any], name: str) -> Any:
    given = (one for action in item.get("actions", ()) for one in (action or {}).get("parameters", ()))
    return next((one.get("value") for one in given if one.get("name") == name), None)


def _stopped(build: Mapping[str, Any]) -> Iterator[str]:
    for action in build.get("actions", ()):
        if str((action or {}).get("_class", "")).endswith("InterruptedBuildAction"):
            yield from (str(cause["shortDescription"])[:200] for cause in action["causes"])
