"""Records and REST API answers that the CLI's tests are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.cli.starting import run_id_of
from slipway.flow.deployment import Deployment
from slipway.flow.image import Built, Image
from slipway.flow.push import PushEvent
from slipway.flow.push_id import push_id

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def push(
    commit: str = "a", repository: str = "examples/hello", rebuild: str = "", ref: str = "refs/heads/main"
) -> PushEvent:
    """A push whose commit is one digit repeated."""
    return PushEvent(repository=repository, ref=ref, commit=commit * 40, at=START, rebuild=rebuild)


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


def run(
    dag_id: str, state: str, of: PushEvent, seconds: float = 0, number: int = 0, note: str | None = None
) -> dict[str, Any]:
    """A run that a push started, with the fields of ``GET /api/v2/dags/{dag_id}/dagRuns`` that matter here.

    :param number: how many earlier pushes there are of the same commit to the same ref.
    """
    start = START + timedelta(seconds=seconds)
    begun, ended = state != "queued", state in ("success", "failed")
    return {
        "dag_id": dag_id,
        "dag_run_id": push_id(of, number),
        "state": state,
        "partition_key": of.partition_key,
        "conf": {"push": of.to_json()},
        "note": note,
        "run_after": _written(start),
        "queued_at": _written(start),
        "start_date": _written(start) if begun else None,
        "end_date": _written(start + timedelta(seconds=5)) if ended else None,
    }


def look(of: PushEvent, state: str = "success", seconds: float = 0, **other: Any) -> dict[str, Any]:
    """The run that looks at a push's commit."""
    return run("push", state, of, seconds, **other)


def on_request(state: str, key: str, conf: dict[str, Any], dag_id: str = "push") -> dict[str, Any]:
    """A run that a person or a CI started: it has no partition key."""
    started = run(dag_id, state, push("a"))
    return started | {"dag_run_id": run_id_of(key), "conf": conf, "partition_key": None}


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


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
