"""What a monitor hears: whether pushes get on, and what keeps them from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from slipway.webhook import reception as receiving
from slipway.webhook.metrics import FORMAT, STATES, exposition
from tests.served import client
from tests.server.conftest import Recorded
from tests.server.sender import Sender, push

ALERTS = Path(__file__).parents[2] / "include" / "recipes" / "prometheus" / "alerts.yaml"
JOB = "INSERT INTO job (job_type, state, latest_heartbeat) VALUES ('SchedulerJob', 'running', :at)"


@pytest.fixture(autouse=True)
def scheduler(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A scheduler that has just been heard of."""
    monkeypatch.setattr(receiving, "HEALTH_SECONDS", -1)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM job"))
        connection.execute(text(JOB), {"at": datetime.now(UTC)})
    yield
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM job"))


def health(url: str) -> dict[str, Any]:
    with client(url) as http:
        answer = http.get("/health")
        assert answer.status_code == 200
        return dict(answer.json())


def metrics(url: str) -> dict[str, float]:
    """The samples that Prometheus would read, by name and state."""
    with client(url) as http:
        answer = http.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, FORMAT)
    families = text_string_to_metric_families(answer.text)
    samples = (sample for family in families for sample in family.samples)
    return {" ".join([one.name, *one.labels.values()]): one.value for one in samples}


def test_pushes_that_wait_are_counted(url: str, sender: Sender, engine: Engine, recorded: Recorded) -> None:
    assert health(url) == {"status": "healthy", "troubles": [], "pushes": {}}
    sender.deliver(push())
    sender.deliver(push(ref="refs/tags/v1"))
    early = {"at": datetime.now(UTC) - timedelta(minutes=9), "ref": "refs/tags/v1"}
    with engine.begin() as connection:
        connection.execute(text("UPDATE slipway_push SET received_at = :at WHERE ref = :ref"), early)
    told = health(url)
    assert (told["status"], told["pushes"]["looking"]["count"]) == ("healthy", 2)
    assert 540 <= told["pushes"]["looking"]["oldest_seconds"] < 600
    measured = metrics(url)
    assert 540 <= measured.pop("slipway_pushes_oldest_seconds looking") < 600
    assert measured == {
        "slipway_healthy": 1,
        "slipway_pushes looking": 2,
        "slipway_pushes building": 0,
        "slipway_pushes deploying": 0,
        "slipway_pushes_oldest_seconds building": 0,
        "slipway_pushes_oldest_seconds deploying": 0,
    }
    with engine.begin() as connection:
        connection.execute(text("UPDATE slipway_push SET state = 'over'"))
    assert health(url)["pushes"] == {}
    assert len(recorded()) == 2


def test_what_keeps_pushes_waiting_is_named(url: str, sender: Sender, engine: Engine) -> None:
    sender.deliver(push())
    early = {"at": datetime.now(UTC) - timedelta(minutes=11)}
    with engine.begin() as connection:
        connection.execute(text("UPDATE slipway_push SET received_at = :at"), early)
        connection.execute(text("UPDATE job SET latest_heartbeat = :at"), early)
        connection.execute(text("UPDATE dag SET is_paused = true WHERE dag_id = 'deploy'"))
        connection.execute(text("UPDATE dag SET has_import_errors = true WHERE dag_id = 'vm_image'"))
    told = health(url)
    assert told["status"] == "unhealthy"
    assert metrics(url)["slipway_healthy"] == 0
    scheduler, broken, paused, waiting = told["troubles"]
    assert scheduler.startswith("no scheduler runs")
    assert broken.startswith("DAG vm_image has import errors")
    assert paused.startswith("DAG deploy is paused")
    assert waiting.startswith("1 pushes wait to be looked at, the first since ")


def test_alerts_are_on_what_is_measured(url: str) -> None:
    """A rule on a metric that nobody writes never fires."""
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    named = {name for rule in rules for name in re.findall(r"slipway_[a-z_]+", rule["expr"])}
    assert named <= {name.partition(" ")[0] for name in metrics(url)}
    states = {state for rule in rules for state in re.findall(r'state="(\w+)"', rule["expr"])}
    assert states == set(STATES)
    for rule in rules:
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith(".")


def test_database_that_does_not_answer_is_not_healthy() -> None:
    answer = {"reason": "the database does not answer; try again"}
    assert exposition(answer).decode().splitlines()[-1] == "slipway_healthy 0.0"
