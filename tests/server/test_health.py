"""What a monitor hears: whether pushes get on, and what keeps them from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from slipway.webhook import reception as receiving
from tests.served import client
from tests.server.conftest import Recorded
from tests.server.sender import Sender, push

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
    scheduler, broken, paused, waiting = told["troubles"]
    assert scheduler.startswith("no scheduler runs")
    assert broken.startswith("DAG vm_image has import errors")
    assert paused.startswith("DAG deploy is paused")
    assert waiting.startswith("1 pushes wait to be looked at, the first since ")
