"""Airflow is killed at random points of builds and deployments: the end is right, and nothing is doubled."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from lab.access import Lab
from lab.airflow.connections import connections
from slipway.cli.query import find_run
from slipway.flow.push import PushEvent
from tests.dags.pushing import Pushed, Run, application
from tests.registry_images import tags_of
from tests.release.killing import Killing
from tests.release.releases import (
    MACHINES,
    SERVING,
    SLOW,
    Release,
    Releases,
    objects,
    releases_of,
    servers,
    wait_for,
)

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

SEED = 11
ENDS_SECONDS = 400
"""Airflow takes a minute to notice that a task's process is gone, and kills may hit its next try."""
BUILD_SECONDS, DEPLOY_SECONDS = 6, 3
SHORT = [[("deployment", "supervisor"), ("build", "supervisor")]]
FULL = [
    [("build", "scheduler"), ("deployment", "host"), ("build", "task"), ("deployment", "triggerer")],
    [("deployment", "supervisor"), ("build", "host"), ("deployment", "triggerer")],
    [("build", "supervisor"), ("deployment", "scheduler"), ("build", "task")],
]
"""Rounds of kills: in the middle of what, and of whom. A task has three tries: no round can take them all.

The short one kills what nobody else uses, so that other tests go on beside it.
"""


class Victim:
    """An application in the middle of something."""

    app: Pushed

    def at_work(self) -> int:
        """Wait until it is in the middle; return the process of the task that is at work."""
        raise NotImplementedError

    def assert_right(self) -> None:
        """Wait until all is over, and see that it is as if nothing had happened."""
        raise NotImplementedError


@dataclass
class Building(Victim):
    """A push, whose image takes its time to build."""

    app: Pushed
    engine: docker.DockerClient
    push: PushEvent = field(init=False)

    def __post_init__(self) -> None:
        """Push."""
        wait = f"RUN echo {self.app.name} && sleep {BUILD_SECONDS}"
        dockerfile = f"FROM busybox:1.36\n{wait}\n"
        self.push = self.app.push({"slipway.yaml": self.app.spec, "Dockerfile": dockerfile})

    def at_work(self) -> int:
        return working(self.app, "container_image", self.push.partition_key, "build")

    def assert_right(self) -> None:
        runs = [ended(self.app, dag_id, self.push.partition_key) for dag_id in ("container_image", "deploy")]
        assert [run.state for run in runs] == ["success"] * 2, [run.tasks for run in runs]
        built, _ = self.app.built(runs[0])
        assert built.image is not None
        assert built.image.digest == self.app.digest(self.push.commit)
        assert len(tags_of(self.app.lab.registry, self.app.place)) == 2  # by commit, and by inputs
        assert len(self.app.airflow.get_run_events("deploy", runs[1].id)) == 1
        [deployment] = objects(self.app, "deployment")
        assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == built.image.reference
        left = [one["Id"] for one in self.engine.api.containers(all=True) if self.app.name in one["Command"]]
        assert left == []


@dataclass
class Rolling(Victim):
    """A release on its way to all three platforms."""

    releases: Releases
    release: Release = field(init=False)
    run_id: str = field(init=False)

    def __post_init__(self) -> None:
        """Have machines that are slow, and start."""
        for machine in self.releases.ground.machines(2):
            self.releases.ground.steer(machine, deploy={"delay": DEPLOY_SECONDS})
        self.app = self.releases.app
        self.release = self.releases.build(1, SERVING, servers(SLOW), MACHINES)
        self.run_id = self.releases.start(self.release)

    def at_work(self) -> int:
        return working(self.app, "deploy", "", "vm.rollout", self.run_id)

    def assert_right(self) -> None:
        run = ended(self.app, "deploy", "", self.run_id)
        assert run.state == "success", run.story
        assert set(self.releases.told(run)) == {"container", "vm", "bare_metal"}
        self.releases.assert_runs(self.release)


def working(app: Pushed, dag_id: str, key: str, task_id: str, run_id: str = "") -> int:
    """Wait until a task of a run has a process, and return it."""
    found: list[int] = []

    def is_so() -> bool:
        known = run_id or (find_run(app.airflow, dag_id, key) or {}).get("dag_run_id")
        tasks = app.airflow.get_tasks(dag_id, known) if known else []
        found[:] = [one["pid"] for one in tasks if (one["task_id"], one["state"]) == (task_id, "running")]
        return bool(found and found[0])

    wait_for(is_so)
    return found[0]


def ended(app: Pushed, dag_id: str, key: str, run_id: str = "") -> Run:
    """Wait until a run has ended, for as long as Airflow takes to notice what was killed."""
    found: list[dict[str, Any]] = []

    def is_so() -> bool:
        runs = app.airflow.get_runs(dag_id, key)
        found[:] = [
            one for one in runs if run_id == one["dag_run_id"] or (key and one["partition_key"] == key)
        ]
        return bool(found) and all(one["state"] in ("success", "failed") for one in found)

    wait_for(is_so, ENDS_SECONDS)
    [run] = found
    return Run(app.airflow, run["dag_run_id"], run["state"], dag_id)


@dataclass
class Stage:
    """Where victims come from."""

    lab: Lab
    api: httpx.Client
    folder: Path
    engine: docker.DockerClient
    stack: ExitStack
    names: list[str] = field(default_factory=list)

    def victim(self, phase: str) -> Victim:
        """Return a victim in the middle of ``phase``; it is gone when the stack ends."""
        folder = self.folder / f"work-{len(self.names)}"
        app = self.stack.enter_context(application(self.lab, self.api, folder))
        self.names.append(app.name)
        if phase == "build":
            return Building(app, self.engine)
        return Rolling(self.stack.enter_context(releases_of(app)))

    def orphans(self, app: Pushed) -> list[str]:
        """Return what ``reap_orphans`` would remove of the victims, after no grace at all."""
        body = {"logical_date": None, "conf": {"grace_minutes": 0, "dry_run": True}}
        started = self.api.post("/api/v2/dags/reap_orphans/dagRuns", json=body).raise_for_status().json()
        run = ended(app, "reap_orphans", "", started["dag_run_id"])
        assert run.state == "success", run.story
        lines = [line for task in run.tasks for line in run.log(task) if "  orphan  " in line]
        return [line for line in lines if any(name in line for name in self.names)]


@pytest.fixture
def stage(
    lab: Lab, airflow_api: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    for name, value in connections(lab.variables).items():
        monkeypatch.setenv(name, value)
    engine = docker.DockerClient(base_url=lab.docker_host, timeout=60)
    with ExitStack() as stack:
        yield Stage(lab, airflow_api, tmp_path, engine, stack)
    engine.close()


@contextmanager
def killing() -> Iterator[Killing]:
    found = Killing.of_lab()
    try:
        yield found
    finally:
        found.airflow.revive()
        found.clear()


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(SHORT, id="2 kills", marks=pytest.mark.short),
        pytest.param(FULL, id="10 kills", marks=[pytest.mark.alone, pytest.mark.release]),
    ],
)
def test_what_is_killed_in_the_middle_ends_as_if_it_had_not_been(
    stage: Stage, rounds: list[list[tuple[str, str]]]
) -> None:
    chance = random.Random(SEED)
    with killing() as lab_airflow:
        for kills in rounds:
            victims = []
            for phase, whom in kills:
                victim = stage.victim(phase)
                victims.append(victim)
                task = victim.at_work()
                time.sleep(chance.uniform(0, 3))  # a random point, not something to wait for
                lab_airflow.kill(whom, task)
            for victim in victims:
                victim.assert_right()
    assert stage.orphans(victims[0].app) == []
