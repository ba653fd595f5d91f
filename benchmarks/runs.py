"""Runs that a benchmark waits for."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from benchmarks.servers import POLL_SECONDS, wait_for
from slipway.cli.api import Airflow
from slipway.cli.failure import log_lines

COPIED = re.compile(r": done, [\d.]+ MiB in ([\d.]+) s")
PATIENCE = 240.0
"""Seconds."""


def ended(reader: Airflow, dag_id: str, key: str, since: datetime) -> dict[str, Any]:
    """Wait for the end of the run that a push started; a failed one ends the benchmark."""

    def find() -> dict[str, Any] | None:
        runs = reader.get_runs(dag_id, key, limit=5)
        return _ended_of([run for run in runs if datetime.fromisoformat(run["run_after"]) >= since])

    return wait_for(find, PATIENCE, f"{dag_id} of {key}")


def ended_with_id(
    reader: Airflow, dag_id: str, run_id: str, patience: float = PATIENCE, pause: float = POLL_SECONDS
) -> dict[str, Any]:
    """Wait for the end of one run; a failed one ends the benchmark.

    :param pause: seconds between two looks, which cost Airflow something, too.
    """

    def find() -> dict[str, Any] | None:
        run = reader.find_run(dag_id, run_id)
        return _ended_of([run] if run else [])

    return wait_for(find, patience, run_id, pause)


def first_start(reader: Airflow, run: dict[str, Any]) -> datetime:
    """Return when the first task of ``run`` was started."""
    tasks = reader.get_tasks(run["dag_id"], run["dag_run_id"])
    return min(datetime.fromisoformat(task["start_date"]) for task in tasks if task["start_date"])


def seconds_of(run: dict[str, Any]) -> float:
    """Return the seconds from a run's start to its end."""
    begun, end = (datetime.fromisoformat(run[name]) for name in ("start_date", "end_date"))
    return (end - begun).total_seconds()


def states_of(reader: Airflow, run: dict[str, Any]) -> dict[str, str]:
    """Return the states of a run's tasks."""
    return {task["task_id"]: task["state"] for task in reader.get_tasks(run["dag_id"], run["dag_run_id"])}


def copied_and_booted(reader: Airflow, run: dict[str, Any]) -> float:
    """Return the seconds that an image's run spent on copying it and on its boot test."""
    tasks = {task["task_id"]: task for task in reader.get_tasks(run["dag_id"], run["dag_run_id"])}
    entries = reader.get_log(run["dag_id"], run["dag_run_id"], "build", tasks["build"]["try_number"])
    copied = sum(float(found[1]) for line in log_lines(entries) if (found := COPIED.search(line)))
    return float(tasks["boot_test"]["duration"]) + copied


def _ended_of(runs: list[dict[str, Any]]) -> dict[str, Any] | None:
    if failed := [run for run in runs if run["state"] == "failed"]:
        raise SystemExit(f"{failed[0]['dag_id']}: run {failed[0]['dag_run_id']} failed")
    return next((run for run in runs if run["state"] == "success"), None)
