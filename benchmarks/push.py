"""A push until the new version is healthy, and a push whose inputs are unchanged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import bare
from benchmarks.application import Checkout
from benchmarks.result import Result
from benchmarks.runs import ended
from benchmarks.servers import airflow, remote, variables
from slipway.cli.api import Airflow

REPOSITORY = "examples/bench"
BUILD, DEPLOY = "container_image", "deploy"
ROUNDS = 4


def _end(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["end_date"])


def _push(checkout: Checkout, reader: Airflow, message: str) -> tuple[float, str]:
    """Push one commit; returns seconds from the push to the end of ``deploy``, and the commit."""
    commit = checkout.commit(message)
    started = datetime.now(UTC)
    checkout.push()
    run = ended(reader, DEPLOY, f"{REPOSITORY}@{commit}", started)
    return (_end(run) - started).total_seconds(), commit


def _built(reader: Airflow, commit: str) -> bool:
    """Say whether the run of ``commit`` really built."""
    runs = reader.get_runs(BUILD, f"{REPOSITORY}@{commit}", limit=1)
    states = {task["task_id"]: task["state"] for task in reader.get_tasks(BUILD, runs[0]["dag_run_id"])}
    return any("build" in task and state == "success" for task, state in states.items())


def run() -> Iterator[Result]:
    """Yield both results; the sides take turns, so that both meet the same machine."""
    known = variables()
    with TemporaryDirectory(prefix="slipway-bench-") as folder, airflow(known) as reader:
        checkout = Checkout.create(Path(folder) / "bench", remote(known, REPOSITORY))
        peer = bare.Bare(known, Path(folder) / "bare", checkout.folder)
        yield from _push_to_healthy(checkout, reader, peer)
        yield _unchanged(checkout, reader)
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


def _unchanged(checkout: Checkout, reader: Airflow) -> Result:
    seconds, amiss = [], []
    for number in range(ROUNDS):
        (checkout.folder / "README.md").write_text(f"Words that the image does not hold, {number}.\n")
        took, commit = _push(checkout, reader, f"words {number}")
        seconds.append(took)
        if _built(reader, commit):
            amiss.append(f"the push of {commit[:12]} built though its inputs are unchanged")
    return Result(
        name="unchanged_push",
        claim="git push of a commit with unchanged inputs to the end of deploy, without a build",
        peer="none",
        slipway_seconds=seconds,
        measure="seconds",
        limit=8.0,
        notes=amiss,
    )
