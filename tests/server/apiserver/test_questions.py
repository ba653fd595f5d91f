"""What tasks ask the API server of runs and pushes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from airflow.models.dagrun import DagRun
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from slipway.apiserver.client import ask_pushes, ask_runs, ask_under_way
from slipway.apiserver.questions import AT_ONCE, PUSHES_ROUTE, RUNS_ROUTE, KnownPush, KnownRun
from slipway.assets import CONTAINER_IMAGE, PUSH, VM_IMAGE
from slipway.flow.orphans import RunState
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError, TransientError
from slipway.webhook import events
from slipway.webhook.reception import Reception
from slipway.webhook.signature import sign_search
from tests.served import client
from tests.server.conftest import question_connection
from tests.server.sender import COMMIT, SECRET, Sender, push
from tests.server.sender import KEY as SIGNS

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
KEY = f"Octo/Hello@{COMMIT}"


@pytest.fixture
def store(engine: Engine) -> Iterator[Session]:
    """What Airflow itself would write."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dag_run"))
    with Session(engine) as session:
        yield session


def add_run(store: Session, dag_id: str, run_id: str, state: str, key: str | None = None) -> None:
    run = DagRun(
        dag_id=dag_id, run_id=run_id, run_type="manual", state=state, run_after=NOON, partition_key=key
    )
    if state in ("success", "failed"):
        run.end_date = NOON
    store.add(run)
    store.commit()


def add_image(store: Session, name: str, uri: str, extra: object, minutes: int = 0) -> None:
    columns = 'name, uri, "group", extra, created_at, updated_at'
    asset = f"INSERT INTO asset ({columns}) VALUES (:n, :u, '', '{{}}', :t, :t)"
    known = store.scalar(text("SELECT id FROM asset WHERE name = :n"), {"n": name})
    if known is None:
        store.execute(text(asset), {"n": name, "u": uri, "t": NOON})
        known = store.scalar(text("SELECT id FROM asset WHERE name = :n"), {"n": name})
    event = "INSERT INTO asset_event (asset_id, extra, timestamp, partition_key) VALUES (:a, :e, :t, :k)"
    at = NOON + timedelta(minutes=minutes)
    store.execute(text(event), {"a": known, "e": json.dumps(extra), "t": at, "k": KEY})
    store.commit()


def test_runs_that_live_and_runs_that_are_over(server: str, store: Session) -> None:
    for run_id, state in (("a", "queued"), ("b", "running"), ("c", "success"), ("d", "failed")):
        add_run(store, "one", run_id, state)
    add_run(store, "two", "c", "running")
    assert ask_runs(["a", "b", "c", "d", "e", "d"]) == {
        "a": RunState(lives=True),
        "b": RunState(lives=True),
        "c": RunState(lives=True, ended=NOON),
        "d": RunState(lives=False, ended=NOON),
    }


def test_more_runs_than_one_question_takes(server: str, store: Session) -> None:
    names = [f"run-{number}" for number in range(AT_ONCE + 5)]
    for name in (names[0], names[-1]):
        add_run(store, "one", name, "success")
    assert sorted(ask_runs(names)) == sorted((names[0], names[-1]))


def test_runs_that_live_are_told_unasked(server: str, store: Session) -> None:
    for run_id, state in (("a", "queued"), ("b", "running"), ("c", "success")):
        add_run(store, "one", run_id, state)
    assert sorted(ask_runs([])) == ["a", "b"]


def test_a_push_that_was_told_of_is_known_with_its_refs(server: str, store: Session, sender: Sender) -> None:
    assert ask_pushes([KEY]) == {}
    sender.deliver(push())
    sender.deliver(push(ref="refs/tags/v1"))
    sender.deliver(push(ref="refs/heads/nobody-takes-it"))
    assert ask_pushes([KEY, "octo/other@1"]) == {KEY: KnownPush(refs=("refs/heads/main", "refs/tags/v1"))}


def test_what_became_of_a_push(server: str, store: Session, sender: Sender) -> None:
    sender.deliver(push())
    add_run(store, "container_image", "r1", "success", KEY)
    add_run(store, "vm_image", "r2", "queued", KEY)
    add_run(store, "vm_image", "r3", "failed", f"{KEY}+night")
    image = {"digest": "sha256:0"}
    container = (CONTAINER_IMAGE.name, CONTAINER_IMAGE.uri)
    add_image(store, *container, {"platform": "container", "image": image, "reused": False})
    add_image(store, *container, {"platform": "container", "image": image, "reused": True}, minutes=1)
    add_image(store, VM_IMAGE.name, VM_IMAGE.uri, {"platform": "vm", "image": None})
    [known] = ask_pushes([KEY]).values()
    assert known.refs == ("refs/heads/main",)
    assert known.runs == (
        KnownRun(dag_id="container_image", run_id="r1", state="success"),
        KnownRun(dag_id="vm_image", run_id="r2", state="queued"),
    )
    assert known.images == {"container": "unchanged", "vm": "nothing"}


def test_how_much_of_a_rebuild_is_under_way(server: str, store: Session, reception: Reception) -> None:
    for number, (night, state) in enumerate(
        [("n-1", "running"), ("n-1", "queued"), ("n-1", "success"), ("n-10", "running"), ("x+n-2", "running")]
    ):
        add_run(store, "container_image", f"r{number}", state, f"octo/a{number}@{COMMIT}+{night}")
    add_run(store, "vm_image", "r9", "running", f"octo/a0@{COMMIT}+n-1")
    pushed = PushEvent(repository="Octo/Hello", ref="refs/heads/main", commit=COMMIT, rebuild="n-1")
    with reception.session() as session:
        events.register(session, pushed)  # its run is about to be made
    assert [ask_under_way(night) for night in ("n-1", "n-10", "n-2", "n-3", "n")] == [3, 1, 1, 0, 0]


def test_an_event_of_the_asset_without_a_push_is_no_push(server: str, store: Session) -> None:
    add_image(store, PUSH.name, PUSH.uri, {"from": "a person"})
    assert ask_pushes([KEY]) == {KEY: KnownPush()}


@pytest.mark.parametrize("route", [RUNS_ROUTE, PUSHES_ROUTE])
def test_a_question_needs_a_fresh_signature_and_its_fields(server: str, route: str) -> None:
    with client(server) as http:

        def ask(body: bytes, key: str = SIGNS, age: int = 0) -> httpx.Response:
            signature = sign_search(body, key, int(time.time()) - age)
            return http.post(f"/slipway{route}", content=body, headers={"x-slipway-signature": signature})

        assert ask(b"{}", "other").status_code == 401
        assert ask(b"{}", SECRET).status_code == 401  # who may send deliveries may not ask
        assert ask(b"{}", age=400).status_code == 401
        assert http.post(f"/slipway{route}", content=b"{}").status_code == 401
        for body in (b"", b"{}", b'{"runs": 1, "keys": 1}', b'{"sql": "1"}'):
            answer = ask(body)
            assert (answer.status_code, "the question has errors" in answer.json()["reason"]) == (400, True)


def test_a_wrong_key_is_told_with_its_cure(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection("another"))
    with pytest.raises(SlipwayError, match=r"refuses /runs/search: 401.*same connection slipway_questions"):
        ask_runs(["a"])


def test_no_answer_is_worth_another_try(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_URL", "http://127.0.0.1:1")
    with pytest.raises(TransientError, match="does not answer: ConnectError"):
        ask_pushes([KEY])
