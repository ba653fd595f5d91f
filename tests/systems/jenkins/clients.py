"""Two independent public clients of Jenkins, asked for the same things in the same words."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Protocol

import api4jenkins
import jenkins
import requests
from api4jenkins.build import FreeStyleBuild


@dataclass(frozen=True)
class Ended:
    """What a client says of a build."""

    number: int
    result: str
    parameters: dict[str, str]
    artifacts: tuple[str, ...]
    queue_id: int


class Client(Protocol):
    """What the contract asks of a client."""

    def version(self) -> str: ...
    def make(self, job: str, xml: str) -> None: ...
    def config(self, job: str) -> str: ...
    def exists(self, job: str) -> bool: ...
    def remove(self, job: str) -> None: ...
    def switch(self, job: str, *, on: bool) -> None: ...
    def start(self, job: str, **parameters: str) -> int: ...
    def kind(self, item: int) -> str: ...
    def cancel(self, item: int) -> None: ...
    def number(self, item: int) -> int | None: ...
    def is_building(self, job: str, number: int) -> bool: ...
    def stop(self, job: str, number: int) -> None: ...
    def ended(self, job: str, number: int) -> Ended: ...
    def console(self, job: str, number: int) -> str: ...
    def artifact(self, job: str, number: int, path: str) -> bytes: ...
    def running(self) -> list[str]: ...
    def quiet_down(self) -> None: ...


class PythonJenkins:
    """https://python-jenkins.readthedocs.io/"""

    def __init__(self, url: str, user: str, secret: str) -> None:
        self.client = jenkins.Jenkins(url, user, secret, timeout=30)

    def version(self) -> str:
        return str(self.client.get_version())

    def make(self, job: str, xml: str) -> None:
        folder = job.rpartition("/")[0]
        if folder and not self.client.job_exists(folder):
            self.client.create_folder(folder)
        self.client.create_job(job, xml)

    def config(self, job: str) -> str:
        return str(self.client.get_job_config(job))

    def exists(self, job: str) -> bool:
        return bool(self.client.job_exists(job))

    def remove(self, job: str) -> None:
        self.client.delete_job(job)

    def switch(self, job: str, *, on: bool) -> None:
        (self.client.enable_job if on else self.client.disable_job)(job)

    def start(self, job: str, **parameters: str) -> int:
        return int(self.client.build_job(job, parameters))

    def kind(self, item: int) -> str:
        return str(self.client.get_queue_item(item)["_class"]).rpartition("$")[2]

    def cancel(self, item: int) -> None:
        self.client.cancel_queue(item)

    def number(self, item: int) -> int | None:
        executable = self.client.get_queue_item(item).get("executable")
        return executable and int(executable["number"])

    def is_building(self, job: str, number: int) -> bool:
        return bool(self.client.get_build_info(job, number)["building"])

    def stop(self, job: str, number: int) -> None:
        self.client.stop_build(job, number)

    def ended(self, job: str, number: int) -> Ended:
        return _ended(self.client.get_build_info(job, number))

    def console(self, job: str, number: int) -> str:
        return str(self.client.get_build_console_output(job, number))

    def artifact(self, job: str, number: int, path: str) -> bytes:
        return bytes(self.client.get_build_artifact_as_bytes(job, number, path))

    def running(self) -> list[str]:
        return [build["url"] for build in self.client.get_running_builds()]

    def quiet_down(self) -> None:
        self.client.quiet_down()


class Api4Jenkins:
    """https://api4jenkins.readthedocs.io/"""

    def __init__(self, url: str, user: str, secret: str) -> None:
        self.client = api4jenkins.Jenkins(url, auth=(user, secret), timeout=30, trust_env=False)

    def version(self) -> str:
        return str(self.client.version)

    def make(self, job: str, xml: str) -> None:
        self.client.create_job(job, xml, recursive=True)

    def config(self, job: str) -> str:
        return str(self.client.get_job(job).configure())

    def exists(self, job: str) -> bool:
        return self.client.get_job(job) is not None

    def remove(self, job: str) -> None:
        self.client.delete_job(job)

    def switch(self, job: str, *, on: bool) -> None:
        found = self.client.get_job(job)
        found.enable() if on else found.disable()

    def start(self, job: str, **parameters: str) -> int:
        return int(self.client.build_job(job, **parameters).id)

    def kind(self, item: int) -> str:
        return str(self._item(item).api_json()["_class"]).rpartition("$")[2]

    def cancel(self, item: int) -> None:
        self._item(item).cancel()

    def number(self, item: int) -> int | None:
        if self.kind(item) != "LeftItem" or self._item(item).api_json()["cancelled"]:
            return None
        return int(self._item(item).get_build().number)

    def is_building(self, job: str, number: int) -> bool:
        return bool(self._build(job, number).building)

    def stop(self, job: str, number: int) -> None:
        self._build(job, number).stop()

    def ended(self, job: str, number: int) -> Ended:
        return _ended(self._build(job, number).api_json())

    def console(self, job: str, number: int) -> str:
        lines: Any = self._build(job, number).progressive_output()
        return "\n".join(lines) + "\n"

    def artifact(self, job: str, number: int, path: str) -> bytes:
        with self._build(job, number).handle_stream("GET", f"artifact/{path}") as response:
            return b"".join(response.iter_bytes())

    def running(self) -> list[str]:
        return [build.url for build in self.client.nodes.iter_builds()]

    def quiet_down(self) -> None:
        self.client.system.quiet_down()

    def _item(self, item: int) -> Any:
        return api4jenkins.queue.QueueItem(self.client, f"{self.client.url}queue/item/{item}/")

    def _build(self, job: str, number: int) -> FreeStyleBuild:
        found = self.client.get_job(job).get(number)
        assert isinstance(found, FreeStyleBuild)
        return found


def _ended(build: dict[str, Any]) -> Ended:
    given = itertools.chain(*(action.get("parameters", ()) for action in build["actions"]))
    return Ended(
        number=build["number"],
        result=build["result"],
        parameters={one["name"]: one["value"] for one in given},
        artifacts=tuple(one["relativePath"] for one in build["artifacts"]),
        queue_id=build["queueId"],
    )


def status_of(error: BaseException | None) -> int:
    """Return the status that made a client raise: each has its own exceptions around it."""
    while error is not None:
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return int(error.response.status_code)
        if getattr(error, "response", None) is not None:
            return int(error.response.status_code)  # type: ignore[attr-defined]
        error = error.__cause__ or error.__context__
    return 0
