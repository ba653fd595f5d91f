"""The sensor and its trigger, against the route they ask."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, TaskDeferred
from pydantic import ValidationError

from slipway.webhook.reception import Reception
from slipway.webhook.sensors import WebhookSensor, server_url
from slipway.webhook.triggers import DeliveryTrigger
from tests.served import client
from tests.server.conftest import question_connection
from tests.server.sender import KEY, Sender, push

START = datetime.now(UTC) - timedelta(minutes=1)
CONTEXT: Any = {"dag_run": SimpleNamespace(start_date=START)}


pytestmark = pytest.mark.usefixtures("key")


def trigger(url: str, event: str = "push", **match: Any) -> DeliveryTrigger:
    search = {"event": event, "since": START.isoformat(), "match": match}
    return DeliveryTrigger(url=url, search=search, poll_seconds=0.05)


async def fire(waiting: DeliveryTrigger) -> Any:
    async with asyncio.timeout(20):
        return (await anext(waiting.run())).payload


async def test_delivery_that_came_before_fires_at_once(url: str) -> None:
    with client(url) as other:
        Sender(other).deliver(push(), x_github_delivery="d-1")
    assert (await fire(trigger(url)))["delivery"]["delivery"] == "d-1"


async def test_waits_until_one_matches(url: str) -> None:
    waiting = asyncio.create_task(fire(trigger(url, ref="refs/tags/v1")))
    with client(url) as other:
        sender = Sender(other)
        await asyncio.to_thread(sender.deliver, push())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await asyncio.to_thread(sender.deliver, push(ref="refs/tags/v1"), x_github_delivery="d-2")
    assert (await waiting)["delivery"]["delivery"] == "d-2"


async def test_outlives_an_api_server_that_restarts(reception: Reception, unused_tcp_port: int) -> None:
    waiting = asyncio.create_task(fire(trigger(f"http://127.0.0.1:{unused_tcp_port}")))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize(
    ("path", "told"),
    [("/nowhere", "refuses the search: 404"), ("", "signature wrong")],
    ids=["route", "key"],
)
async def test_what_waiting_cannot_cure_is_an_error(
    url: str, monkeypatch: pytest.MonkeyPatch, path: str, told: str
) -> None:
    if not path:
        monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection("other"))
    assert told in (await fire(trigger(url + path)))["error"]


def test_trigger_is_plain_fields() -> None:
    made = trigger("http://airflow/slipway", ref="refs/heads/main")
    path, fields = made.serialize()
    assert path == "slipway.webhook.triggers.DeliveryTrigger"
    assert DeliveryTrigger(**json.loads(json.dumps(fields))).serialize() == (path, fields)
    assert KEY not in json.dumps(fields)


def sensor(**fields: Any) -> WebhookSensor:
    with DAG("waits"):
        return WebhookSensor(task_id="wait", event="push", **fields)


def test_sensor_defers_since_the_run_began() -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sensor(match={"ref": "refs/heads/main"}, timeout=90).execute(CONTEXT)
    fields = deferred.value.trigger.serialize()[1]
    assert datetime.fromisoformat(fields["search"]["since"]) == START
    assert fields["search"]["match"] == {"ref": "refs/heads/main"}
    assert deferred.value.timeout == timedelta(seconds=90)
    assert deferred.value.method_name == "resume"


@pytest.mark.parametrize("fields", [{"since": "yesterday"}, {"match": {"a": {"b": 1}}}, {"event": "x" * 100}])
def test_sensor_refuses_what_cannot_be_looked_for(fields: dict[str, Any]) -> None:
    with DAG("waits"):
        made = WebhookSensor(task_id="wait", **({"event": "push"} | fields))
    with pytest.raises(ValidationError):
        made.execute(CONTEXT)


def test_sensor_returns_the_delivery_and_fails_by_name() -> None:
    delivery = {"delivery": "d-1", "received_at": START.isoformat(), "payload": {}}
    assert sensor().resume(CONTEXT, {"delivery": delivery}) == delivery
    with pytest.raises(AirflowException, match="refuses the search: 401"):
        sensor().resume(CONTEXT, {"error": "the API server refuses the search: 401"})


def test_server_is_airflows_base_url_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/air/")
    assert server_url() == "https://airflow.example/air/slipway"
    monkeypatch.setenv("SLIPWAY_URL", "http://inside:8080")
    assert server_url() == "http://inside:8080/slipway"
