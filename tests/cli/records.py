"""Records and REST API answers that the CLI's tests are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.flow.deployment import Deployment
from slipway.flow.image import Built, Image
from slipway.flow.push import PushEvent

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def push(commit: str = "a", repository: str = "examples/hello", rebuild: str = "") -> PushEvent:
    """A push whose commit is one digit repeated."""
    return PushEvent(
        repository=repository, ref="refs/heads/main", commit=commit * 40, at=START, rebuild=rebuild
    )


def image(of: PushEvent) -> Image:
    digest = f"sha256:{of.commit[0] * 64}"
    return Image(
        platform="container",
        application="hello",
        repository=of.repository,
        commit=of.commit,
        digest=digest,
        input_digest=digest,
        reference=f"127.0.0.1:5000/docker-local/hello@{digest}",
    )


def built(of: PushEvent, **other: Any) -> Built:
    return Built(**{"push": of, "platform": "container", "image": image(of)} | other)


def deployment(of: PushEvent, seconds: float = 20, **other: Any) -> Deployment:
    fields: dict[str, Any] = {
        "push": of,
        "application": "hello",
        "environment": "production",
        "platform": "container",
        "image": image(of),
        "where": "demo/deployment/hello",
        "url": "http://127.0.0.1:30080/",
        "since": START + timedelta(seconds=seconds),
    }
    return Deployment(**fields | other)


def run(dag_id: str, state: str, of: PushEvent, seconds: float = 0) -> dict[str, Any]:
    """A DAG run, with the fields of ``GET /api/v2/dags/{dag_id}/dagRuns`` that matter here."""
    start = START + timedelta(seconds=seconds)
    ended = state in ("success", "failed")
    return {
        "dag_id": dag_id,
        "dag_run_id": f"asset_triggered__{start.isoformat()}_{of.commit[:4]}",
        "state": state,
        "partition_key": of.partition_key,
        "run_after": start.isoformat().replace("+00:00", "Z"),
        "start_date": start.isoformat().replace("+00:00", "Z"),
        "end_date": (start + timedelta(seconds=5)).isoformat().replace("+00:00", "Z") if ended else None,
    }


def task(
    task_id: str, state: str | None, start: float | None = None, end: float | None = None
) -> dict[str, Any]:
    """A task instance, as ``GET .../taskInstances`` gives it."""

    def moment(seconds: float | None) -> str | None:
        return None if seconds is None else (START + timedelta(seconds=seconds)).isoformat()

    return {
        "task_id": task_id,
        "state": state,
        "try_number": 1,
        "start_date": moment(start),
        "end_date": moment(end),
    }
