"""Deliveries over HTTP, into a database that Airflow made."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from slipway.apiserver.routes import create_app
from slipway.flow.record import SlipwayError
from slipway.webhook import inbox as inbox_rules
from slipway.webhook import transport
from slipway.webhook.reception import Reception
from tests.served import client, served
from tests.server.conftest import Counted, Recorded, Rows, session_of
from tests.server.sender import APPS, COMMIT, KNOWN, ROUTE, Sender, encode, headers, push

KEY = f"Octo/Hello@{COMMIT}"


def test_push_is_recorded_with_its_run(
    sender: Sender, inbox: Rows, queued: Callable[[], Any], recorded: Recorded
) -> None:
    response = sender.deliver(push(), x_github_delivery="d-1")
    (one,) = recorded()
    assert one.id.startswith(f"push~Hello~main~{COMMIT[:12]}~")
    reason = f"recorded as {one.id}; its run of DAG push starts"
    assert (response.status_code, response.json()) == (
        202,
        {"status": "accepted", "accepted": KEY, "push": one.id, "reason": reason},
    )
    (row,) = inbox()
    assert (row["id"], row["status"], row["partition_key"], row["ref"]) == (
        "github/d-1",
        "accepted",
        KEY,
        "refs/heads/main",
    )
    assert row["payload"]["pusher"] == {"name": "mona"}
    assert queued() == [("push", KEY)]
    assert (one.push.partition_key, one.push.delivery, one.push.pusher) == (KEY, "d-1", "mona")
    assert (one.state, one.source, one.deploy, one.progress) == ("looking", "webhook", True, {})


def test_same_delivery_again_does_nothing(sender: Sender, inbox: Rows, queued: Callable[[], Any]) -> None:
    sender.deliver(push(), x_github_delivery="d-1")
    again = sender.deliver(push(), x_github_delivery="d-1")
    assert (again.status_code, again.json()["status"]) == (202, "already received")
    assert (len(inbox()), len(queued())) == (1, 1)


def test_same_delivery_many_times_at_once_is_stored_once(
    sender: Sender, inbox: Rows, queued: Callable[[], Any], recorded: Recorded
) -> None:
    def deliver(number: int) -> str:
        response = sender.deliver(push(), x_github_delivery=f"d-{number % 2}")
        return str(response.json()["status"])

    with ThreadPoolExecutor(8) as threads:
        told = sorted(threads.map(deliver, range(16)))
    assert told == ["accepted"] + ["already received"] * 15
    assert (len(inbox()), len(queued()), len(recorded())) == (2, 1, 1)


def moment(second: int) -> dict[str, Any]:
    """The repository of a payload, pushed to at a second."""
    return {"full_name": "octo/hello", "pushed_at": 1_900_000_000 + second}


def test_swapped_replayed_and_late_deliveries_put_nothing_old_over_the_new(
    sender: Sender, queued: Callable[[], Any], recorded: Recorded
) -> None:
    old, new = "1" * 40, "2" * 40
    first = push(after=old, head_commit={"id": old}, repository=moment(1))
    second = push(before=old, after=new, head_commit={"id": new}, repository=moment(1))
    third = push(before=new, after=old, head_commit={"id": old}, repository=moment(5))
    assert sender.deliver(second).json()["status"] == "accepted"
    late = sender.deliver(first).json()
    assert late["status"] == "superseded"
    assert "refs/heads/main went on to 222222222222 before it was reported" in late["reason"]
    assert [key for _, key in queued()] == [f"Octo/Hello@{new}"]
    assert [sender.deliver(one).json()["status"] for one in (first, second)] == ["already received"] * 2
    assert sender.deliver(third).json()["status"] == "accepted"  # forced back to an older commit
    assert [sender.deliver(one).json()["status"] for one in (third, second)] == ["already received"] * 2
    assert [(one.push.commit, one.state, one.outcome) for one in recorded()] == [
        (old, "over", "superseded"),
        (new, "looking", ""),
        (old, "looking", ""),
    ]
    assert len(queued()) == len({one.id for one in recorded()}) - 1 == 2


def test_branch_and_tag_of_one_commit_are_two_pushes(sender: Sender, recorded: Recorded) -> None:
    refs = ["refs/heads/main", "refs/tags/" + "v" * 300]
    for ref in refs:
        assert sender.deliver(push(ref=ref, repository=moment(1))).json()["status"] == "accepted"
    assert sorted(one.push.ref for one in recorded()) == refs


@pytest.mark.parametrize(
    ("payload", "event", "others", "status", "told", "stored"),
    [
        ({"zen": "..."}, "ping", {}, 200, None, "pong"),
        ({}, "star", {}, 202, "ignored: event star is not wanted", "ignored"),
        (push(ref="refs/heads/x"), "push", {}, 202, "ignored: no environment takes", "ignored"),
        (push(repository={"full_name": "a/b"}), "push", {}, 403, "repository a/b may not build", "refused"),
        ([], "push", {}, 400, "malformed body", "refused"),
    ],
)
def test_what_is_signed_is_answered_with_its_reason_and_recorded(
    sender: Sender,
    inbox: Rows,
    queued: Callable[[], Any],
    payload: object,
    event: str,
    others: dict[str, str | None],
    status: int,
    told: str | None,
    stored: str,
) -> None:
    response = sender.deliver(payload, event, **others)
    assert response.status_code == status
    if told:
        assert response.json()["reason"].startswith(told)
    (row,) = inbox()
    assert (row["status"], row["http_status"], row["event"]) == (stored, status, event)
    assert (row["partition_key"], row["payload"]) == (None, None)
    assert queued() == []


FORGED = "sha256=" + "0" * 64


@pytest.mark.parametrize(
    ("others", "status", "told"),
    [
        ({"x_hub_signature_256": None}, 401, "signature missing"),
        ({"x_hub_signature_256": "sha256=0"}, 401, "signature malformed"),
        ({"x_hub_signature_256": FORGED}, 401, "signature wrong"),
        ({"x_github_delivery": None}, 400, "X-GitHub-Delivery is missing"),
        ({"x_github_event": "Push"}, 400, "X-GitHub-Event is missing"),
        ({"content_type": "text/plain"}, 400, "malformed body: content type"),
    ],
)
def test_strangers_are_answered_with_the_reason_and_counted(
    sender: Sender, inbox: Rows, counted: Counted, others: dict[str, str | None], status: int, told: str
) -> None:
    for _ in range(3):
        response = sender.deliver(push(), x_github_hook_installation_target_id="7", **others)
        assert response.status_code == status
        assert response.json()["reason"].startswith(told)
    (row,) = counted(3)
    assert (row["sender"], row["http_status"], row["about"], row["signed"]) == (
        "127.0.0.1",
        status,
        "7",
        False,
    )
    assert row["reason"].startswith(told)
    assert inbox() == []


def test_stranger_cannot_occupy_a_delivery_id(sender: Sender, inbox: Rows) -> None:
    sender.deliver(push(), x_github_delivery="d-1", x_hub_signature_256=FORGED)
    assert sender.deliver(push(), x_github_delivery="d-1").json()["status"] == "accepted"
    assert [row["status"] for row in inbox()] == ["accepted"]


def test_what_was_refused_can_be_sent_again(engine: Engine, reception: Reception, inbox: Rows) -> None:
    known = {"apps": APPS.model_copy(update={"applications": {}})}
    reception.apps = lambda: known["apps"]
    with served(create_app(reception)) as url, client(url) as other:
        sender = Sender(other)
        assert sender.deliver(push(), x_github_delivery="d-1").status_code == 403
        known["apps"] = APPS
        assert sender.deliver(push(), x_github_delivery="d-1").json()["status"] == "accepted"
    assert [row["status"] for row in inbox()] == ["refused", "accepted"]


def test_body_announced_too_large_is_refused_unread(sender: Sender, counted: Counted) -> None:
    made = headers(b"", content_length=str(25 * 1024 * 1024 + 1))
    connection = http.client.HTTPConnection(sender.client.base_url.netloc.decode(), timeout=30)
    connection.putrequest("POST", ROUTE)
    for name, value in made.items():
        connection.putheader(name, value)
    connection.endheaders()  # and not one byte of the body
    response = connection.getresponse()
    assert response.status == 413
    assert b"26214401 bytes; at most 26214400" in response.read()
    connection.close()
    assert [row["http_status"] for row in counted(1)] == [413]


def test_body_that_grows_too_large_is_refused_while_it_comes(sender: Sender, counted: Counted) -> None:
    sent = []

    def chunks() -> Iterator[bytes]:
        for _ in range(26):
            sent.append(1)
            yield b" " * 1024 * 1024

    response = sender.client.post(ROUTE, content=chunks(), headers=headers(b""))
    assert response.status_code == 413
    assert [row["http_status"] for row in counted(1)] == [413]


def test_largest_body_is_read(sender: Sender, inbox: Rows) -> None:
    body = encode(push())
    body += b" " * (25 * 1024 * 1024 - len(body))
    assert sender.send(body).json()["status"] == "accepted"
    assert inbox()[0]["payload"] is None


def test_route_answers_posts_only(sender: Sender) -> None:
    assert sender.client.get(ROUTE).status_code == 405
    assert sender.client.get("/openapi.json").status_code == 404


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE dag SET is_stale = true", "DAG push is not known: Airflow's DAG processor has not read it"),
        ("UPDATE dag SET has_import_errors = true", "DAG push has import errors"),
    ],
)
def test_push_is_not_taken_while_its_run_cannot_be_created(
    sender: Sender, engine: Engine, inbox: Rows, recorded: Recorded, change: str, told: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(change))
    response = sender.deliver(push(), x_github_delivery="d-1")
    assert response.status_code == 503
    assert told in response.json()["reason"]
    assert [row["status"] for row in inbox()] == ["refused"]
    assert recorded() == []
    with engine.begin() as connection:
        connection.execute(text("UPDATE dag SET is_stale = false, has_import_errors = false"))
    assert sender.deliver(push(), x_github_delivery="d-1").json()["status"] == "accepted"


def test_push_waits_while_its_dag_is_paused(
    sender: Sender, engine: Engine, queued: Callable[[], Any]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE dag SET is_paused = true"))
    assert sender.deliver(push()).json()["status"] == "accepted"
    assert queued() == [("push", KEY)]


def test_delivery_push_and_run_are_stored_together_or_not_at_all(
    sender: Sender, engine: Engine, inbox: Rows, recorded: Recorded
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE dag_run RENAME TO gone"))
    try:
        assert sender.deliver(push(), x_github_delivery="d-1").status_code == 503
        assert (inbox(), recorded()) == ([], [])
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO dag_run"))
    assert sender.deliver(push(), x_github_delivery="d-1").json()["status"] == "accepted"


def test_broken_allow_list_answers_503_with_its_line(reception: Reception, inbox: Rows) -> None:
    def broken() -> Any:
        raise SlipwayError("apps.yaml:7: applications.octo/hello.tenant: is required and missing; add it")

    reception.apps = broken
    with served(create_app(reception)) as url, client(url) as other:
        response = Sender(other).deliver(push())
    assert response.status_code == 503
    assert "apps.yaml:7: applications.octo/hello.tenant" in response.json()["reason"]
    assert [row["status"] for row in inbox()] == ["refused"]


@pytest.mark.parametrize(
    ("event", "others", "status"),
    [("push", {}, 503), ("ping", {}, 503), ("star", {}, 503), ("push", {"x_hub_signature_256": None}, 401)],
)
def test_database_away_never_answers_2xx(event: str, others: dict[str, str | None], status: int) -> None:
    away = create_engine("postgresql+psycopg2://nobody:s3cret@127.0.0.1:1/none")
    reception = Reception(
        session=lambda: session_of(away), apps=lambda: APPS, secrets=lambda _: KNOWN, keys=list
    )
    with served(create_app(reception)) as url, client(url) as other:
        response = Sender(other).deliver(push(), event, **others)
    assert response.status_code == status
    assert "s3cret" not in response.text


def test_database_that_hangs_is_answered_in_time(
    reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(transport, "STORE_SECONDS", 0.2)
    reception.secrets = lambda _: KNOWN if released.wait(20) else {}
    with served(create_app(reception)) as url, client(url) as other:
        response = Sender(other).deliver(push())
        released.set()
    assert response.status_code == 503
    assert response.json()["reason"].startswith("not stored: the database refused it")


def test_table_that_was_never_made_says_how(engine: Engine, sender: Sender) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE slipway_webhook_delivery RENAME TO gone"))
    try:
        response = sender.deliver(push())
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO slipway_webhook_delivery"))
    assert response.status_code == 503
    assert "airflow db migrate" in response.json()["reason"]


def test_inbox_stays_bounded(reception: Reception, inbox: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_rules, "NEWEST", 5)
    now = datetime.now(UTC)
    body = encode(push())
    with reception.session() as session:
        for minute in range(20):
            verdict = reception_verdict(body, now)
            inbox_rules.note(session, verdict, now + timedelta(minutes=minute), "127.0.0.1")
        inbox_rules.prune(session, now)
    assert len(inbox()) == 5
    assert min(row["received_at"].replace(tzinfo=UTC) for row in inbox()) == now + timedelta(minutes=15)


def test_accepted_deliveries_are_kept_for_months(reception: Reception, sender: Sender, inbox: Rows) -> None:
    sender.deliver(push())
    for days, left in ((89, 1), (91, 0)):
        with reception.session() as session:
            inbox_rules.prune(session, datetime.now(UTC) + timedelta(days=days))
        assert len(inbox()) == left


def reception_verdict(body: bytes, now: datetime) -> Any:
    from slipway.webhook.github import receive

    return receive(headers(body), body, APPS.model_copy(update={"applications": {}}), KNOWN, now)
