"""The end of a push is waited for in the triggerer, against the route that it asks."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Engine

from slipway.flow.push import PushEvent
from slipway.flow.ref_order import Reported
from slipway.pushes.receiving import receive
from slipway.pushes.reporting import ended
from slipway.pushing.triggers import PushTrigger
from tests.server.conftest import question_connection, session_of
from tests.server.sender import COMMIT

PUSH = PushEvent(repository="octo/hello", ref="refs/heads/main", commit=COMMIT)

pytestmark = pytest.mark.usefixtures("key")


@pytest.fixture
def pushed(engine: Engine) -> str:
    """The id of a push on record."""
    with session_of(engine) as session:
        return receive(session, Reported(push=PUSH, source="person")).push.id


async def fire(url: str, pushed: str) -> Any:
    async with asyncio.timeout(60):
        return (await anext(PushTrigger(url=url, key=pushed, poll_seconds=0.02).run())).payload


async def test_fires_when_the_push_is_over(url: str, engine: Engine, pushed: str) -> None:
    waiting = asyncio.create_task(fire(url, pushed))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    with session_of(engine) as session:
        ended(session, pushed, "failed", "no disk left")
    assert await waiting == {}


async def test_push_that_is_not_on_record_is_an_error(url: str, pushed: str) -> None:
    assert await fire(url, f"{pushed}x") == {"error": f"no push {pushed}x is on record"}


async def test_a_refusal_is_an_error(url: str, pushed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection("other"))
    assert "signature wrong" in (await fire(url, pushed))["error"]


def test_trigger_is_plain_fields() -> None:
    path, fields = PushTrigger(url="http://airflow/slipway", key="push~a").serialize()
    assert path == "slipway.pushing.triggers.PushTrigger"
    assert PushTrigger(**json.loads(json.dumps(fields))).serialize() == (path, fields)
