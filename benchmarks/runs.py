"""Runs that a benchmark waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from benchmarks.servers import wait_for
from slipway.cli.api import Airflow

PATIENCE = 240.0
"""Seconds."""


def ended(reader: Airflow, dag_id: str, key: str, since: datetime) -> dict[str, Any]:
    """Wait for the end of the run that a push started; a failed one ends the benchmark."""

    def find() -> dict[str, Any] | None:
        runs = reader.get_runs(dag_id, key, limit=5)
        return _ended_of([run for run in runs if datetime.fromisoformat(run["run_after"]) >= since])

    return wait_for(find, PATIENCE, f"{dag_id} of {key}")


def ended_with_id(reader: Airflow, dag_id: str, run_id: str) -> dict[str, Any]:
    """Wait for the end of one run; a failed one ends the benchmark."""

    def find() -> dict[str, Any] | None:
        return _ended_of([run for run in reader.get_runs(dag_id, limit=10) if run["dag_run_id"] == run_id])

    return wait_for(find, PATIENCE, run_id)


def first_start(reader: Airflow, run: dict[str, Any]) -> datetime:
    """Return when the first task of ``run`` was started."""
    tasks = reader.get_tasks(run["dag_id"], run["dag_run_id"])
    return min(datetime.fromisoformat(task["start_date"]) for task in tasks if task["start_date"])


def _ended_of(runs: list[dict[str, Any]]) -> dict[str, Any] | None:
    if failed := [run for run in runs if run["state"] == "failed"]:
        raise SystemExit(f"{failed[0]['dag_id']}: run {failed[0]['dag_run_id']} failed")
    return next((run for run in runs if run["state"] == "success"), None)
