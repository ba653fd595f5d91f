"""From a webhook to the first build task, against a run of the same DAG that is started over REST.

Airflow runs with its own default for the scheduler's pause here; the lab's is a tenth of it, for short tests.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.application import Checkout
from benchmarks.result import Result
from benchmarks.runs import ended, ended_with_id, first_start
from benchmarks.servers import ROOT, airflow, remote, variables, writing_client
from lab.airflow.settings import IDLE_SECONDS
from slipway.cli.api import Airflow
from slipway.cli.status import BUILD_DAGS

REPOSITORY = "examples/bench"
DAG = "container_image"
STARTS = int(os.environ.get("SLIPWAY_BENCH_STARTS", "24"))
DEFAULT_IDLE_SECONDS = "1"
"""https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#scheduler-idle-sleep-time"""
NOTHING_TO_BUILD = "version: 1\nname: bench\n"


def run() -> Iterator[Result]:
    """Yield the result; the sides take turns, so that both meet the same machine."""
    with _scheduler_with(DEFAULT_IDLE_SECONDS), TemporaryDirectory(prefix="slipway-bench-") as folder:
        known = variables()
        with airflow(known) as reader, writing_client(known) as writer:
            commit = _commit(Path(folder) / "bench", remote(known, REPOSITORY))
            ours, theirs = [], []
            for _ in range(STARTS):
                ours.append(_webhook_start(known, reader, commit))
                theirs.append(_rest_start(writer, reader, commit))
    yield Result(
        name="webhook_to_first_task",
        claim=f"webhook sent to the first build task started (scheduler's pause {DEFAULT_IDLE_SECONDS} s)",
        peer="the same DAG started over Airflow's REST API",
        slipway_seconds=ours,
        peer_seconds=theirs,
        measure="ratio",
        limit=1.2,
    )


@contextmanager
def _scheduler_with(seconds: str) -> Iterator[None]:
    restart = [sys.executable, "-m", "lab", "restart", "airflow"]
    subprocess.run(restart, cwd=ROOT, env=os.environ | {IDLE_SECONDS: seconds}, check=True)
    try:
        yield
    finally:
        subprocess.run(restart, cwd=ROOT, check=True)


def _commit(folder: Path, address: str) -> str:
    """Return a commit that declares nothing to build: what is measured is over when its first task starts."""
    checkout = Checkout.create(folder, address)
    (checkout.folder / "slipway.yaml").write_text(NOTHING_TO_BUILD)
    commit = checkout.commit("nothing to build")
    checkout.push()
    return commit


def _webhook_start(known: dict[str, str], reader: Airflow, commit: str) -> float:
    sent = datetime.now(UTC)
    _deliver(known, commit)
    key = f"{REPOSITORY}@{commit}"
    runs = [ended(reader, dag_id, key, sent) for dag_id in BUILD_DAGS.values()]
    ended(reader, "deploy", key, sent)
    return (min(first_start(reader, run) for run in runs) - sent).total_seconds()


def _rest_start(writer: httpx.Client, reader: Airflow, commit: str) -> float:
    conf = {"repository": REPOSITORY, "commit": commit, "ref": "refs/heads/main", "deploy": False}
    sent = datetime.now(UTC)
    answer = writer.post(f"/dags/{DAG}/dagRuns", json={"logical_date": None, "conf": conf})
    if answer.is_error:
        raise SystemExit(f"Airflow answered {answer.status_code}: {answer.text}")
    run = ended_with_id(reader, DAG, answer.json()["dag_run_id"])
    return (first_start(reader, run) - sent).total_seconds()


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
