"""One release of an application at a time: the newest that waits is next, and others do not wait for it."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from lab.access import Lab
from slipway.cli.query import find_run
from slipway.flow.push import PushEvent
from tests.dags.pushing import Pushed, Run, application, run_with_id
from tests.release.releases import Releases, objects, servers, task_in, wait_for

pytestmark = pytest.mark.lab

SEED = 5
FULL = {"applications": 5, "pushes": 10, "slowest": 8}
SHORT = {"applications": 1, "pushes": 3, "slowest": 8}


@dataclass(frozen=True)
class Deploying:
    """What is recorded of one run of ``deploy``."""

    run: Run
    since: datetime | None
    """When its turn came; None when it never came."""
    until: datetime

    @classmethod
    def read(cls, app: Pushed, run_id: str, task: str = "container.rollout") -> Deploying:
        """Wait for the run's end, and ask Airflow for its records."""
        run = run_with_id(app.airflow, run_id, "deploy")
        path = f"/api/v2/dags/deploy/dagRuns/{run_id}"
        answer = app.api.get(f"{path}/taskInstances/{task}/xcomEntries/turn")
        since = datetime.fromisoformat(answer.json()["value"]) if answer.status_code == 200 else None
        ended = app.api.get(path).raise_for_status().json()["end_date"]
        return cls(run, since, datetime.fromisoformat(ended))


def assert_none_overlaps(deployments: list[Deploying]) -> None:
    """See that each run's turn began after the one before was over, run and all."""
    turns = sorted((one.since, one.until) for one in deployments if one.since)
    for (_, until), (since, _) in pairwise(turns):
        assert until <= since, turns


def superseding(run: Run, task: str = "container.rollout") -> str:
    """Return the first digits of the commit by which a run says that it was superseded."""
    assert run.state == "success", run.story
    assert run.tasks[task] == "skipped", run.tasks
    log = "\n".join(run.log(task))
    found = re.search(r"superseded by (\w{12})|(\w{12}), pushed at .* is newer than", log)
    assert found, log
    return found[1] or found[2]


def test_newer_releases_wait_and_the_newest_of_them_is_next(releases: Releases) -> None:
    with socket.create_server(("", 0)) as unheard:
        port = unheard.getsockname()[1]
    health = f"health: {{port: {port}, within_seconds: 600}}"
    kinds = (servers(health), servers("config_drive: true"), servers("metadata: {a: b}"))
    first, middle, newest = (releases.build(number, vm=vm, inputs="same") for number, vm in enumerate(kinds))
    runs = [releases.start(first)]
    wait_for(releases.all_servers)  # nothing answers at the port: this release takes until it does
    runs.append(releases.start(middle))
    task_in(releases, runs[1], "vm.rollout", ("deferred",))
    runs.append(releases.start(newest))
    superseded = Deploying.read(releases.app, runs[1], "vm.rollout")
    for task in ("container.rollout", "vm.rollout"):
        assert superseding(superseded.run, task) == newest.commit[:12]
    said = "\n".join(superseded.run.log("vm.rollout"))
    assert f"waits: {first.commit[:12]} (run {runs[0]}) is being deployed" in said
    with socket.create_server(("", port)):
        ended = [Deploying.read(releases.app, run_id, "vm.rollout") for run_id in (runs[0], runs[2])]
    assert [one.run.state for one in ended] == ["success"] * 2
    assert [bool(one.since) for one in (*ended, superseded)] == [True, True, False]
    assert_none_overlaps(ended)
    assert releases.container()[0] == newest.commit
    assert releases.servers() == [(newest.glance("vm"), "ACTIVE")] * 2


@pytest.fixture
def apps(lab: Lab, airflow_api: httpx.Client, tmp_path: Path, size: dict[str, int]) -> Iterator[list[Pushed]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(application(lab, airflow_api, tmp_path / f"work-{number}"))
            for number in range(size["applications"])
        ]


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(SHORT, id="3 pushes", marks=pytest.mark.short),
        pytest.param(FULL, id="50 pushes", marks=pytest.mark.release),
    ],
)
def test_of_pushes_within_seconds_each_application_ends_on_its_newest(
    apps: list[Pushed], size: dict[str, int]
) -> None:
    chance = random.Random(SEED)
    waits = [[chance.uniform(0, size["slowest"]) for _ in range(size["pushes"])] for _ in apps]
    for one in waits:
        one[0], one[-1] = size["slowest"], 0  # the first is slow and the last is not, whatever chance says
    with ThreadPoolExecutor(len(apps)) as pool:
        pushed = list(pool.map(push_all, apps, waits))
    skipped = 0
    for app, pushes in zip(apps, pushed, strict=True):
        runs = [started(app, push) for push in pushes]
        deployments = {n: Deploying.read(app, run) for n, run in enumerate(runs) if run}
        skipped += runs.count("") + assert_in_turn(app, pushes, deployments)
    assert skipped


def push_all(app: Pushed, waits: list[float]) -> list[PushEvent]:
    """Push one commit after the other; each takes its time to build."""
    return [app.push(files(app, number, wait), f"feature/{app.name}") for number, wait in enumerate(waits)]


def files(app: Pushed, number: int, wait: float) -> dict[str, str]:
    dockerfile = f"FROM busybox:1.36\nRUN echo {app.name} {number} > /said && sleep {wait:.1f}\n"
    return {"slipway.yaml": app.spec, "Dockerfile": dockerfile}


def started(app: Pushed, push: PushEvent) -> str:
    """Wait until the images of a push are there, and return the run that deploys them.

    There is none, "", when the branch pointed to a later push before this one was looked at.
    """
    found: list[str] = []

    def is_so() -> bool:
        deploy = find_run(app.airflow, "deploy", push.partition_key)
        look = find_run(app.airflow, "push", push.partition_key)
        superseded = look and look["state"] == "success" and "superseded: " in str(look["note"])
        found[:] = [deploy["dag_run_id"]] if deploy else [""] if superseded else []
        return bool(found)

    wait_for(is_so)
    return found[0]


def assert_in_turn(app: Pushed, pushes: list[PushEvent], deployments: dict[int, Deploying]) -> int:
    """See one application's records and what the cluster runs; return how many were superseded."""
    order = [push.short_commit for push in pushes]
    assert_none_overlaps(list(deployments.values()))
    rolled_out, skipped = [], 0
    for number, one in deployments.items():
        if one.run.tasks["container.rollout"] == "skipped":
            skipped += 1
            assert order.index(superseding(one.run)) > number
        else:
            assert one.run.state == "success", one.run.story
            rolled_out.append((one.since, number))
    numbers = [number for _, number in sorted(rolled_out)]
    assert numbers == sorted(numbers)  # nothing older came after something newer
    assert numbers[-1] == len(pushes) - 1
    [running] = objects(app, "deployment")
    image = running["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith(app.digest(pushes[-1].commit))
    return skipped
