"""Ends of runs for tests."""

from __future__ import annotations

from typing import Any

from slipway.flow.ended import Account, Ended, FailedTask
from slipway.flow.incident import Incident
from tests.flow.builders import NOON

COMMIT = "a" * 40
LINK = "https://airflow.example.org/dags/deploy/runs/1"


def ended(
    dag_id: str = "deploy", *, good: bool = False, failed: str = "container.rollout", **more: Any
) -> Ended:
    value = {
        "dag_id": dag_id,
        "run_id": "run-1",
        "good": good,
        "repository": "octo/shop",
        "ref": "refs/heads/main",
        "commit": COMMIT,
        "environment": "production",
        "pushed_at": NOON,
        "failed": () if good else tuple(FailedTask(task_id=name, attempt=1) for name in failed.split()),
        **more,
    }
    return Ended(**value)


def incident(error: str = "it broke", cause: str = "rule", dag_id: str = "deploy", **more: Any) -> Incident:
    account = Account.from_json({"cause": cause, "error": error, "lines": more.pop("lines", ())})
    return Incident(ended(dag_id, **more), account)
