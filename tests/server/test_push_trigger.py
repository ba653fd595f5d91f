"""A push that somebody asked for is waited for in the triggerer, against the route that it asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from slipway.flow.followed import Followed
from slipway.flow.push import PushEvent
from slipway.pushing.triggers import PushTrigger
from tests.server.apiserver.test_questions import add_run
from tests.server.conftest import question_connection
from tests.server.sender import COMMIT

PUSH = PushEvent(repository="octo/hello", ref="refs/heads/main", commit=COMMIT)
KEY = PUSH.partition_key
BUILDS = ("container_image", "vm_image", "bare_metal_image")


pytestmark = pytest.mark.usefixtures("key")


@pytest.fixture
def store(engine: Engine) -> Iterator[Session]:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dag_run"))
    with Session(engine) as session:
        yield session


def trigger(url: str, *, before: tuple[str, ...] = (), patience: float = 60) -> PushTrigger:
    followed = Followed(push=PUSH, deploy=True, before=before).to_json()
    return PushTrigger(url=url, followed=followed, patience_seconds=patience, poll_seconds=0.02)


async def fire(waiting: PushTrigger) -> Any:
    async with asyncio.timeout(60):
        return (await anext(waiting.run())).payload


def finish(store: Session, run_id: str) -> None:
    store.query(DagRun).filter_by(run_id=run_id).update({"state": "success"})
    store.commit()


async def test_fires_when_the_deployment_has_ended(url: str, store: Session) -> None:
    for dag in BUILDS:
        add_run(store, dag, "before", "failed", KEY)
        add_run(store, dag, f"{dag}-1", "success", KEY)
    waiting = asyncio.create_task(fire(trigger(url, before=("before",))))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    add_run(store, "deploy", "deploy-1", "running", KEY)
    await asyncio.sleep(0.2)
    assert not waiting.done()
    finish(store, "deploy-1")
    assert await waiting == {"states": dict.fromkeys((*BUILDS, "deploy"), "success")}


async def test_what_never_begins_is_given_up(url: str, store: Session) -> None:
    add_run(store, "vm_image", "vm-1", "success", KEY)
    assert await fire(trigger(url, patience=0.1)) == {"states": {"vm_image": "success"}}


async def test_what_goes_on_is_not_given_up(url: str, store: Session) -> None:
    add_run(store, "vm_image", "vm-1", "running", KEY)
    waiting = asyncio.create_task(fire(trigger(url, patience=0.1)))
    await asyncio.sleep(0.4)
    assert not waiting.done()
    waiting.cancel()


async def test_a_refusal_is_an_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection("other"))
    assert "signature wrong" in (await fire(trigger(url)))["error"]


def test_trigger_is_plain_fields() -> None:
    path, fields = trigger("http://airflow/slipway").serialize()
    assert path == "slipway.pushing.triggers.PushTrigger"
    assert PushTrigger(**json.loads(json.dumps(fields))).serialize() == (path, fields)
