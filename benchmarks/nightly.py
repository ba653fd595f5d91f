"""A night over applications whose inputs are unchanged, at growing sizes: what one application costs.

``SLIPWAY_BENCH_APPLICATIONS`` is the largest size (64 by default; 1,000 take two hours with their set-up on
two cores, because each of an application's tasks is a process of Airflow's). The night's plan is made for
1,000. Airflow is restarted with an ``apps.yaml`` of the benchmark's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks import nightly_plan, servers
from benchmarks.nightly_town import OWNER, Town
from benchmarks.result import Result
from benchmarks.runs import ended_with_id, seconds_of
from slipway.cli.api import Airflow
from slipway.cli.status import BUILD_DAGS

LARGEST = int(os.environ.get("SLIPWAY_BENCH_APPLICATIONS", "64"))
SIZES = [max(1, LARGEST // 8), LARGEST]
DAG = "nightly_rebuild"
PARALLEL = 16
HOURS = 12
"""More than a night of any size takes."""
PAUSE_SECONDS = 10.0
"""Between two looks at the night. For each Airflow reads all tasks of the run: at 1,000 applications a look a
second took a quarter of a core from the night itself.
"""


@dataclass(frozen=True)
class Night:
    """What a night took, all applications together."""

    applications: int
    tasks: int
    requests: int
    seconds: float
    amiss: tuple[str, ...]


def run() -> Iterator[Result]:
    """Measure nights of each size, then the plan alone."""
    known = servers.variables()
    with TemporaryDirectory(prefix="slipway-bench-") as folder:
        town = Town(known, Path(folder), LARGEST)
        with town.open(), servers.airflow(known) as reader, servers.writing_client(known) as writer:
            print(f"building {LARGEST} applications for the first time", flush=True)
            town.build_all()
            nights = [_night(town, size, reader, writer) for size in SIZES]
    yield from _figures(nights)
    yield from nightly_plan.run()


def _night(town: Town, size: int, reader: Airflow, writer: httpx.Client) -> Night:
    repositories = list(town.commits)[:size]
    print(f"a night of {size} applications", flush=True)
    before = town.requests()
    conf = {"hours": 0, "parallel": PARALLEL, "repositories": repositories}
    run_id = _start(writer, DAG, conf)
    night = ended_with_id(reader, DAG, run_id, HOURS * 3600, PAUSE_SECONDS)
    runs = [one for dag_id in (*BUILD_DAGS.values(), "deploy") for one in _of_night(reader, dag_id, night)]
    tasks = _tasks(writer, DAG, run_id)
    for one in runs:
        tasks += _tasks(writer, one["dag_id"], one["dag_run_id"])
    worked = [task for task in tasks if task["state"] not in ("skipped", "upstream_failed")]
    built = [task for task in worked if task["task_id"] == "build"]
    amiss = [f"{len(built)} of {size} unchanged applications were built"] if built else []
    if len(runs) != 4 * size:
        amiss.append(f"{len(runs)} runs of {4 * size}")
    return Night(size, len(worked), town.requests() - before, seconds_of(night), tuple(amiss))


def _figures(nights: list[Night]) -> Iterator[Result]:
    sizes = ", ".join(str(night.applications) for night in nights)
    least, most = nights[0], nights[-1]
    for what, unit, limit in (("tasks", "tasks", 1.1), ("requests", "requests", 1.2), ("seconds", "s", 1.2)):
        each = [round(getattr(night, what) / night.applications, 3) for night in nights]
        print(f"    {what} an application at {sizes}: {each}", flush=True)
        yield Result(
            name=f"nightly_{what}",
            claim=f"{what} an application in a night of {most.applications}, inputs unchanged",
            peer=f"in a night of {least.applications}",
            slipway_seconds=[each[-1]],
            peer_seconds=[each[0]],
            measure="ratio",
            limit=limit,
            unit=unit,
            notes=sorted({note for night in nights for note in night.amiss}),
        )


def _start(writer: httpx.Client, dag_id: str, conf: dict[str, Any]) -> str:
    answer = writer.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
    if answer.is_error:
        raise SystemExit(f"Airflow answered {answer.status_code}: {answer.text}")
    return str(answer.json()["dag_run_id"])


def _of_night(reader: Airflow, dag_id: str, night: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the runs of a DAG that the night's pushes started."""
    since = datetime.fromisoformat(night["run_after"])
    runs = reader.iterate_runs(dag_id, f"{OWNER}/", most=4 * LARGEST + 100)
    return [one for one in runs if datetime.fromisoformat(one["run_after"]) >= since]


def _tasks(writer: httpx.Client, dag_id: str, run_id: str) -> list[dict[str, Any]]:
    """Return the task instances of a run, mapped ones each."""
    found: list[dict[str, Any]] = []
    while True:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        page = writer.get(path, params={"limit": 100, "offset": len(found)}).raise_for_status().json()
        found += page["task_instances"]
        if len(page["task_instances"]) < 100:
            return found
