"""Leftovers of builds in this machine's container engine: the tag of an image between build and push.

Containers of a build and its half-made images are the engine's own, which removes them when the build's
connection ends. Layers stay as cache; the host's administrator prunes it (`docker system prune`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound
from docker.utils import kwargs_from_env

from slipway.docker.errors import SHOWN, TransientDockerError
from slipway.docker.inputs import INPUT_LABEL, REVISION_LABEL
from slipway.flow.orphans import Trace

KIND = "image tag"
_COMMIT_TAG = re.compile(r".+/.+:([0-9a-f]{40}|[0-9a-f]{64})")


class EngineTraces:
    """The tags of one engine (``DOCKER_HOST``, else the machine's own)."""

    name = "engine"

    def __init__(self, timeout: int = 60) -> None:
        try:
            self._api = docker.APIClient(**kwargs_from_env(), timeout=timeout)
        except DockerException as error:
            raise TransientDockerError(f"the container engine does not answer: {error}") from error

    def find(self) -> Iterator[Trace]:
        """Yield the tags of images that were built here, by their commit.

        :raises TransientDockerError: when the engine does not answer.
        """
        try:
            for image in self._api.images(filters={"label": INPUT_LABEL}):
                yield from self._tags_of(image["Id"])
        except (DockerException, OSError) as error:
            raise TransientDockerError(f"the engine on its images: {str(error)[:SHOWN]}") from error

    def _tags_of(self, image: str) -> Iterator[Trace]:
        try:
            about = self._api.inspect_image(image)
        except ImageNotFound:  # a build ended, and its tag went with it
            return
        for tag in about.get("RepoTags") or ():
            if _was_built_here(about, tag):
                yield self._trace(about, tag)

    def remove(self, trace: Trace) -> bool:
        """Remove a tag if it still is what was found; says whether it is gone.

        :raises TransientDockerError: when the engine does not remove it.
        """
        try:
            about = self._api.inspect_image(trace.name)
            if not _was_built_here(about, trace.name) or self._trace(about, trace.name) != trace:
                return False
            self._api.remove_image(trace.name, noprune=True)
        except ImageNotFound:
            return True
        except (DockerException, OSError) as error:
            raise TransientDockerError(f"{trace.kind} {trace.name}: {str(error)[:SHOWN]}") from error
        return True

    def _trace(self, about: Mapping[str, Any], tag: str) -> Trace:
        using = self._api.containers(all=True, filters={"ancestor": tag})
        return Trace(
            place=self.name,
            kind=KIND,
            id=about["Id"],
            name=tag,
            made=datetime.fromisoformat(_microseconds(about["Metadata"]["LastTagTime"])),
            used_by=f"container {using[0]['Names'][0].lstrip('/')}" if using else "",
        )


def _was_built_here(about: Mapping[str, Any], tag: str) -> bool:
    """Say whether a build of Slipway's gave ``tag`` to an image: a pulled one has no parent."""
    labels = about["Config"].get("Labels") or {}
    named = _COMMIT_TAG.fullmatch(tag)
    return bool(about.get("Parent") and named and labels.get(REVISION_LABEL) == named[1])


def _microseconds(time: str) -> str:
    """Return a time of the engine's, in nanoseconds, as Python reads it."""
    return re.sub(r"(\.\d{1,6})\d*", r"\1", time)
