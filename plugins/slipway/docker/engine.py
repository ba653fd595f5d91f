"""The container engine: build, push, and their output.

https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from slipway.docker.context import Context
from slipway.docker.errors import SHOWN, ContainerBuildError, DockerError, TransientDockerError
from slipway.docker.registry import Registry

log = logging.getLogger(__name__)

DOCKERFILE = ".slipway.Dockerfile"
"""Name under which the pinned Dockerfile travels in the context."""
MEMORY_BYTES = 4 * 1024**3
_TAIL = 12
_STEP = re.compile(r"^Step (\d+/\d+) : ")
_ENGINES_OWN = re.compile(r"^( ---> |Removing intermediate container )")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_REPORT_SECONDS = 5.0


@dataclass(frozen=True)
class BuildOptions:
    """The settings of a build, beside its context.

    Nothing in it comes from Slipway's own logins: a build sees its context, its arguments and docker's
    bridge, never the host's network namespace.
    """

    tag: str
    arguments: Mapping[str, str]
    labels: Mapping[str, str]
    target: str | None = None
    memory_bytes: int = MEMORY_BYTES


@dataclass
class DockerTranscript:
    """The lines of a build, logged as they come; keeps the step and the last of them for an error."""

    started: float = field(default_factory=time.monotonic)
    step: str = ""
    image_id: str = ""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))

    def follow(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Log every message.

        :raises ContainerBuildError: when the engine says that a step failed.
        """
        for message in messages:
            if "error" in message:
                raise ContainerBuildError(self._failure(str(message["error"])))
            self.image_id = message.get("aux", {}).get("ID", self.image_id)
            for line in str(message.get("stream", "")).splitlines():
                self._line(printable(line))

    def _line(self, line: str) -> None:
        if not line.strip():
            return
        if _STEP.match(line):
            self.step = line
            log.info("[%5.1f s] %s", time.monotonic() - self.started, line)
        else:
            log.info("          %s", line)
            if not _ENGINES_OWN.match(line):
                self.tail.append(line)

    def _failure(self, said: str) -> str:
        step = self.step or "before the first step"
        last = "".join(f"\n  {line}" for line in self.tail)
        return f"the build failed at {step}: {printable(said)[:SHOWN]}\nits last lines:{last or ' none'}"


def printable(text: str) -> str:
    """Return a foreign line without control characters, capped."""
    return _ANSI.sub("", text)[:2000]


class _LoginlessClient(docker.APIClient):  # type: ignore[misc]
    """Sends a build no login: docker's SDK would give it all logins of the worker's user."""

    def _set_auth_headers(self, _headers: Mapping[str, str]) -> None:
        pass


class Engine:
    """One container engine (``DOCKER_HOST``, else the machine's own)."""

    def __init__(self, timeout: int = 3600) -> None:
        try:
            self._api = _LoginlessClient(**kwargs_from_env(), timeout=timeout)
        except DockerException as error:
            raise TransientDockerError(f"the container engine does not answer: {error}") from error

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self._api.close()

    def ensure_image(self, reference: str, registry: Registry) -> None:
        """Pull ``repository@digest`` of ``registry``, so that the build itself needs no login."""
        with _told(f"pull of {reference}"):
            if not self._api.images(filters={"reference": reference}):
                repository, _, digest = reference.partition("@")
                log.info("pulling %s", reference)
                _follow_transfer(
                    self._api.pull(
                        repository, tag=digest, stream=True, decode=True, auth_config=_login(registry)
                    )
                )

    def build(self, context: Context, dockerfile: bytes, options: BuildOptions) -> str:
        """Build and tag an image, its log streamed into ours; returns the image's id.

        The engine ends the build when this process dies or is stopped.

        :raises ContainerBuildError: when a step fails.
        """
        transcript = DockerTranscript()
        with TemporaryFile(prefix="slipway-context-") as archive, _told("build"):
            context.archive(archive, dockerfile, DOCKERFILE)
            log.info("sending a context of %.1f MiB", archive.tell() / 1024**2)
            archive.seek(0)
            transcript.follow(
                self._api.build(
                    fileobj=archive,
                    custom_context=True,
                    dockerfile=DOCKERFILE,
                    tag=options.tag,
                    buildargs=dict(options.arguments),
                    labels=dict(options.labels),
                    target=options.target or "",
                    container_limits={"memory": options.memory_bytes, "memswap": options.memory_bytes},
                    network_mode="default",
                    use_config_proxy=False,
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
            )
        if not transcript.image_id:
            raise TransientDockerError("the engine ended the build without an image and without an error")
        return transcript.image_id

    def push(self, tag: str, registry: Registry) -> str:
        """Push ``registry/repository:tag``; returns the manifest digest that the registry answered with."""
        repository, _, name = tag.rpartition(":")
        with _told(f"push of {tag}"):
            messages = self._api.push(
                repository, tag=name, stream=True, decode=True, auth_config=_login(registry)
            )
            digest = _follow_transfer(messages)
        if not digest:
            raise TransientDockerError(f"the push of {tag} ended without a digest")
        return digest

    def forget(self, tag: str) -> None:
        """Remove a tag that may be gone; the layers stay as cache for the next build."""
        with _told(f"removal of {tag}"), suppress(NotFound):
            self._api.remove_image(tag, noprune=True)


def _login(registry: Registry) -> dict[str, str]:
    # Empty, not None: for None the SDK looks for a login in the worker's own files.
    return {"username": registry.login, "password": registry.password} if registry.login else {}


def _follow_transfer(messages: Iterable[Mapping[str, Any]]) -> str:
    """Log a pull's or push's progress every few seconds; returns the digest it reported, if any."""
    digest, said = "", time.monotonic()
    layers: dict[str, str] = {}
    for message in messages:
        if "error" in message:
            text = printable(str(message["error"]))[:SHOWN]
            denied = "unauthorized" in text or "denied" in text
            raise (DockerError if denied else TransientDockerError)(f"the engine reports: {text}")
        if "id" in message and "status" in message:
            layers[str(message["id"])] = f"{message['status']} {message.get('progress', '')}".strip()
        if time.monotonic() - said > _REPORT_SECONDS:
            said = time.monotonic()
            log.info("%s", "; ".join(f"{layer} {state}" for layer, state in layers.items()))
        digest = (message.get("aux") or {}).get("Digest", digest)
    log.info("%d layers done", len([layer for layer in layers if len(layer) == 12]))
    return digest


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    try:
        yield
    except APIError as error:
        said = f"the engine refuses the {what}: {printable(str(error.explanation or error))[:SHOWN]}"
        raise (TransientDockerError if error.is_server_error() else DockerError)(said) from error
    except (DockerException, RequestException) as error:
        raise TransientDockerError(f"the engine aborted the {what}: {error}") from error
