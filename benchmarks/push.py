"""(a) webhook to first task, (b) push to healthy, (c) a push whose inputs are unchanged."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks import bare
from benchmarks.application import Checkout
from benchmarks.result import Result
from benchmarks.servers import airflow, remote, variables, wait_for, writing_client
from slipway.cli.api import Airflow

REPOSITORY = "examples/bench"
BUILD, DEPLOY = "container_image", "deploy"
STARTS, ROUNDS = 12, 4
PATIENCE = 240.0


def _ended_run(reader: Airflow, dag_id: str, key: str, since: datetime) -> dict[str, Any] | None:
    for run in reader.get_runs(dag_id, key, limit=5):
        if datetime.fromisoformat(run["run_after"]) >= since and run["state"] in ("success", "failed"):
            if run["state"] == "failed":
                raise SystemExit(f"{dag_id} of {key} failed: run {run['dag_run_id']}")
            return run
    return None


def _ended(reader: Airflow, dag_id: str, key: str, since: datetime) -> dict[str, Any]:
    return wait_for(lambda: _ended_run(reader, dag_id, key, since), PATIENCE, f"{dag_id} of {key}")


def _end(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["end_date"])


def _first_start(reader: Airflow, run: dict[str, Any]) -> datetime:
    starts = [task["start_date"] for task in reader.get_tasks(BUILD, run["dag_run_id"]) if task["start_date"]]
    return datetime.fromisoformat(min(starts))


def _deliver(known: dict[str, str], commit: str) -> None:
    body = json.dumps(
        {
            "ref": "refs/heads/main",
            "before": "0" * 40,
            "after": commit,
            "deleted": False,
            "repository": {"full_name": REPOSITORY},
            "pusher": {"name": "benchmark"},
            "head_commit": {"id": commit, "timestamp": datetime.now(UTC).isoformat()},
        }
    ).encode()
    digest = hmac.new(known["SLIPWAY_WEBHOOK_SECRET"].encode(), body, hashlib.sha256).hexdigest()
    answer = httpx.post(
        f"{known['AIRFLOW_URL']}/slipway/webhooks/github",
        content=body,
        headers={
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": f"sha256={digest}",
        },
        timeout=20,
    )
    if answer.status_code != httpx.codes.ACCEPTED:
        raise SystemExit(f"the webhook answered {answer.status_code}: {answer.text}")


def _webhook_start(known: dict[str, str], reader: Airflow, commit: str) -> float:
    sent = datetime.now(UTC)
    _deliver(known, commit)
    key = f"{REPOSITORY}@{commit}"
    run = _ended(reader, BUILD, key, sent)
    _ended(reader, DEPLOY, key, sent)
    return (_first_start(reader, run) - sent).total_seconds()


def _rest_start(writer: httpx.Client, reader: Airflow, commit: str) -> float:
    conf = {"repository": REPOSITORY, "commit": commit, "ref": "refs/heads/main", "deploy": False}
    sent = datetime.now(UTC)
    answer = writer.post(f"/dags/{BUILD}/dagRuns", json={"logical_date": None, "conf": conf})
    if answer.is_error:
        raise SystemExit(f"Airflow answered {answer.status_code}: {answer.text}")
    run_id = answer.json()["dag_run_id"]

    def find() -> dict[str, Any] | None:
        runs = [run for run in reader.get_runs(BUILD, limit=10) if run["dag_run_id"] == run_id]
        return runs[0] if runs and runs[0]["state"] in ("success", "failed") else None

    run = wait_for(find, PATIENCE, run_id)
    return (_first_start(reader, run) - sent).total_seconds()


def _push(checkout: Checkout, reader: Airflow, message: str) -> tuple[float, str]:
    """Push one commit; returns seconds from the push to the end of ``deploy``, and the commit."""
    commit = checkout.commit(message)
    started = datetime.now(UTC)
    checkout.push()
    run = _ended(reader, DEPLOY, f"{REPOSITORY}@{commit}", started)
    return (_end(run) - started).total_seconds(), commit


def _built(reader: Airflow, commit: str) -> bool:
    """Say whether the run of ``commit`` really built."""
    runs = reader.get_runs(BUILD, f"{REPOSITORY}@{commit}", limit=1)
    states = {task["task_id"]: task["state"] for task in reader.get_tasks(BUILD, runs[0]["dag_run_id"])}
    return any("build" in task and state == "success" for task, state in states.items())


def run() -> Iterator[Result]:
    """Yield the three results; the sides take turns, so that both meet the same machine."""
    known = variables()
    with TemporaryDirectory(prefix="slipway-bench-") as folder, airflow(known) as reader:
        checkout = Checkout.create(Path(folder) / "bench", remote(known, REPOSITORY))
        peer = bare.Bare(known, Path(folder) / "bare", checkout.folder)
        yield from _push_to_healthy(checkout, reader, peer)
        unchanged, commit = _unchanged(checkout, reader)
        yield unchanged
        with writing_client(known) as writer:
            yield _webhook_to_first_task(known, reader, writer, commit)
        peer.remove()


def _push_to_healthy(checkout: Checkout, reader: Airflow, peer: bare.Bare) -> Iterator[Result]:
    ours, theirs = [], []
    for number in range(ROUNDS + 1):
        checkout.change(f"round {number} at {time.time_ns()}")
        seconds, _ = _push(checkout, reader, f"round {number}")
        ours.append(seconds)
        theirs.append(peer.build_push_roll_out(f"{number}-{time.time_ns()}"))
    yield Result(
        name="push_to_healthy",
        claim="git push to the new version healthy",
        peer="docker build, docker push, kubectl apply, kubectl rollout status, curl",
        slipway_seconds=ours[1:],  # the first round fetches the base image on both sides
        peer_seconds=theirs[1:],
        measure="overhead",
        limit=10.0,
    )


def _unchanged(checkout: Checkout, reader: Airflow) -> tuple[Result, str]:
    seconds, amiss = [], []
    for number in range(ROUNDS):
        (checkout.folder / "README.md").write_text(f"Words that the image does not hold, {number}.\n")
        took, commit = _push(checkout, reader, f"words {number}")
        seconds.append(took)
        if _built(reader, commit):
            amiss.append(f"the push of {commit[:12]} built though its inputs are unchanged")
    result = Result(
        name="unchanged_push",
        claim="git push of a commit with unchanged inputs to the end of deploy, without a build",
        peer="none",
        slipway_seconds=seconds,
        measure="seconds",
        limit=8.0,
        notes=amiss,
    )
    return result, commit


def _webhook_to_first_task(
    known: dict[str, str], reader: Airflow, writer: httpx.Client, commit: str
) -> Result:
    ours, theirs = [], []
    for _ in range(STARTS):
        ours.append(_webhook_start(known, reader, commit))
        theirs.append(_rest_start(writer, reader, commit))
    return Result(
        name="webhook_to_first_task",
        claim="webhook sent to the first build task started",
        peer="the same DAG started over Airflow's REST API",
        slipway_seconds=ours,
        peer_seconds=theirs,
        measure="ratio",
        limit=1.2,
    )
