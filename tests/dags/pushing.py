"""Pushes to the lab's Git server, and what becomes of them in Airflow."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from lab.access import Lab
from slipway.cli.answers import AirflowError, AwayError
from slipway.cli.api import Airflow
from slipway.cli.failure import log_lines
from slipway.cli.query import find_run
from slipway.cli.repository import WorkingCopy
from slipway.cli.settings import Login
from slipway.flow.image import Built
from slipway.flow.push import PushEvent
from tests.registry_images import digest_of, http, remove

REPOSITORY = "tests/app"
DAG = "container_image"
TRIES, PAUSE_SECONDS = 1000, 0.5
ASKED = 5
BY_HAND = ("only-by-hand/", "built-")
"""Branches that no environment of ``apps.yaml`` has: nothing is deployed of what is pushed there."""
BUILDING = ("container_image", "vm_image", "bare_metal_image")
STORY_LINES = 25
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Source:
    """A working copy of the application whose commits go to branches of the test's own."""

    copy: WorkingCopy
    repository: str = REPOSITORY

    def commit(
        self, files: dict[str, str], links: dict[str, str] | None = None, programs: Iterable[str] = ()
    ) -> str:
        """Commit these files and no others, those of ``programs`` as such; returns the commit."""
        for path in self.copy.folder.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for name, content in files.items():
            path = self.copy.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        for name in programs:
            (self.copy.folder / name).chmod(0o755)
        for name, target in (links or {}).items():
            (self.copy.folder / name).symlink_to(target)
        return self.copy.commit("a test")

    def push(self, commit: str, branch: str) -> PushEvent:
        """Push ``commit`` as ``branch``, whatever the branch was before."""
        ref = f"refs/heads/{branch}"
        self.copy._git("push", "--quiet", "origin", f"+{commit}:{ref}")
        return PushEvent(repository=self.repository, ref=ref, commit=commit)

    def delete(self, *branches: str) -> None:
        """Delete branches."""
        self.copy._git("push", "--quiet", "origin", *(f":refs/heads/{branch}" for branch in branches))


def source(folder: Path, server: Login, repository: str = REPOSITORY) -> Source:
    """Return a working copy without a commit, in an empty folder."""
    folder.mkdir()
    copy = WorkingCopy(folder, server, repository)
    copy._git("init", "--quiet", "--initial-branch=main")
    copy._git("remote", "add", "origin", f"{server.url}/{repository}.git")
    return Source(copy, repository)


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask Airflow, and ask again when it is too busy to answer in time; what is asked changes nothing."""
    for _ in range(ASKED):
        with suppress(AwayError):
            return ask()
    return ask()


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    airflow: Airflow
    id: str
    state: str
    dag_id: str = DAG

    @property
    def tasks(self) -> dict[str, str]:
        """The states of its tasks."""
        return {task["task_id"]: task["state"] for task in self._tasks()}

    @property
    def tries(self) -> dict[str, int]:
        """How often each of its tasks was tried."""
        return {task["task_id"]: task["try_number"] for task in self._tasks()}

    def log(self, task_id: str) -> list[str]:
        """What a person reads of a task's log."""
        return self._lines(task_id, self.tries[task_id])

    def errors(self, task_id: str) -> list[dict[str, Any]]:
        """The entries of a task's log that are errors."""
        entries = self.airflow.get_log(self.dag_id, self.id, task_id, self.tries[task_id])
        return [entry for entry in entries if entry.get("level") in ("error", "critical")]

    @property
    def story(self) -> str:
        """The states of its tasks, the end of the log of every try that failed, and what Airflow itself noted
        of the run (a task "whose state was changed externally"): what a failing test shows."""
        states, tries = self.tasks, self.tries
        last = {task: tries[task] - (state != "failed") for task, state in states.items()}
        told = [
            "\n  ".join([f"{task}, try {number}:", *self._end(task, number)])
            for task, numbers in last.items()
            for number in range(1, numbers + 1)
        ]
        noted = [
            f"{one['when']} {one['task_id'] or ''} {one['event']}: {one['extra']}" for one in self._noted()
        ]
        return "\n".join([f"{self.dag_id} {self.id}: {states}, tries {tries}", *told, *noted])

    def _noted(self) -> list[dict[str, Any]]:
        query = {"dag_id": self.dag_id, "run_id": self.id, "limit": 50}
        return list(self.airflow._get("/eventLogs", query)["event_logs"])

    def _lines(self, task_id: str, number: int) -> list[str]:
        return log_lines(patiently(lambda: self.airflow.get_log(self.dag_id, self.id, task_id, number)))

    def _end(self, task_id: str, number: int) -> list[str]:
        try:
            return self._lines(task_id, number)[-STORY_LINES:]
        except AirflowError as error:  # a try that Airflow itself ended may have no log
            return [str(error)]

    def _tasks(self) -> list[dict[str, Any]]:
        return patiently(lambda: self.airflow.get_tasks(self.dag_id, self.id))


def run_of(airflow: Airflow, push: PushEvent, dag_id: str = DAG) -> Run:
    """Wait until the run that a push started has ended."""
    for _ in range(TRIES):
        found = patiently(lambda: find_run(airflow, dag_id, push.partition_key))
        if found and found["state"] in ("success", "failed"):
            return Run(airflow, found["dag_run_id"], found["state"], dag_id)
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"no run of {push.partition_key} has ended; the last answer was {found}")


def wait_for_runs(airflow: Airflow, dag_id: str, key: str, count: int) -> list[dict[str, Any]]:
    """Wait until a DAG has so many runs for a partition key, and return them."""
    found: list[dict[str, Any]] = []
    for _ in range(TRIES):
        found = [
            run for run in patiently(lambda: airflow.get_runs(dag_id, key)) if run["partition_key"] == key
        ]
        if len(found) >= count:
            return found
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{dag_id} has {len(found)} runs of {key}, not {count}")


def run_with_id(airflow: Airflow, run_id: str, dag_id: str = DAG) -> Run:
    """Wait until a run has ended."""
    state = ""
    for _ in range(TRIES):
        found = patiently(lambda: airflow.find_run(dag_id, run_id))
        assert found is not None, f"there is no run {run_id}"
        state = found["state"]
        if state in ("success", "failed"):
            return Run(airflow, run_id, state, dag_id)
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"run {run_id} is still {state}")


@dataclass
class Pushed:
    """An application of the test's own name in the lab's repository for tests."""

    lab: Lab
    source: Source
    airflow: Airflow
    api: httpx.Client
    name: str
    branches: list[str] = field(default_factory=list)
    handed_on: list[PushEvent] = field(default_factory=list)
    """Pushes that `deploy` goes on with."""
    deploys: bool = False
    """Something of it may be on the cluster."""

    @property
    def place(self) -> str:
        return f"docker-local/demo/{self.name}"

    @property
    def spec(self) -> str:
        # With no replicas, what `deploy` does afterwards starts nothing.
        return f"version: 1\nname: {self.name}\ncontainer:\n  kubernetes:\n    replicas: 0\n"

    def push(self, files: dict[str, str], branch: str = "", links: dict[str, str] | None = None) -> PushEvent:
        """Commit these files and push them; a branch ``feature/*`` starts a run."""
        branch = branch or f"feature/{self.name}-{len(self.branches)}"
        self.branches.append(branch)
        self.deploys |= not branch.startswith(BY_HAND)
        return self.source.push(self.source.commit(files, links), branch)

    def start(self, dag_id: str = DAG, **params: Any) -> str:
        """Start a run as a person does, over the REST API; returns its id."""
        self.deploys |= dag_id not in BUILDING or bool(params.get("deploy"))
        body = {"logical_date": None, "conf": {"repository": self.source.repository, **params}}
        answer = self.api.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["dag_run_id"])

    def run(self, push: PushEvent) -> Run:
        return run_of(self.airflow, push)

    def deployed(self, push: PushEvent) -> Run:
        return run_of(self.airflow, push, "deploy")

    def built(self, run: Run) -> tuple[Built, str]:
        """What a run handed on, and under which partition key."""
        [event] = self.airflow.get_run_events(DAG, run.id)
        built = Built.from_json(event["extra"])
        if built.deploy:
            self.handed_on.append(built.push)
        return built, str(event["partition_key"] or "")

    def digest(self, tag: str) -> str:
        """What the registry itself says that a tag of the application is."""
        with http(self.lab.registry) as registry:
            return digest_of(registry, self.place, tag)

    def labels(self, digest: str) -> dict[str, str]:
        with http(self.lab.registry) as registry:
            accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
            manifest = registry.get(f"/v2/{self.place}/manifests/{digest}", headers=accept).json()
            config = registry.get(f"/v2/{self.place}/blobs/{manifest['config']['digest']}").json()
        return dict(config["config"]["Labels"])


@contextmanager
def application(lab: Lab, api: httpx.Client, folder: Path, repository: str = REPOSITORY) -> Iterator[Pushed]:
    """Have an application of a test's own, gone afterwards.

    :param folder: of its working copy; made here.
    """
    git, web = lab.git, lab.airflow
    with Airflow(Login(web.url, web.user, web.password)) as airflow:
        code = source(folder, Login(git.url, git.user, git.password), repository)
        found = Pushed(lab, code, airflow, api, f"t-{secrets.token_hex(4)}")
        yield found
        if found.branches:
            code.delete(*dict.fromkeys(found.branches))
        for push in found.handed_on:
            run_of(airflow, push, "deploy")
    remove(lab.registry, found.place)
    if found.deploys:
        _undeploy(lab, found.name)


def _undeploy(lab: Lab, name: str) -> None:
    kubectl = ["kubectl", f"--kubeconfig={lab.kubeconfig}", "--namespace=demo", "delete"]
    objects = ["deployment,service,configmap", f"--selector=slipway.io/application={name}"]
    subprocess.run([*kubectl, *objects], check=True, capture_output=True, timeout=60)
