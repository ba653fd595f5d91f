"""Refusals that are counted: what they cost, and that they leave alone what is kept of signed deliveries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from slipway.apiserver.routes import create_app
from slipway.webhook import inbox as inbox_rules
from slipway.webhook import tally as rules
from slipway.webhook.reception import Reception
from slipway.webhook.table import tally as tally_table
from slipway.webhook.tally import Tally
from slipway.webhook.verdict import Delivery, Refused
from tests.served import client, served
from tests.server.conftest import Counted, Rows, session_of
from tests.server.sender import APPS, KEY, KNOWN, Sender, push

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FORGED = "sha256=" + "0" * 64


def refused(about: str = "", status: int = 401, signed: bool = False) -> Refused:
    delivery = Delivery(id="d-1", event="push", payload={"large": "x" * 1000})
    return Refused(status, "signature wrong: set it", delivery, True, signed, about)


def test_strangers_push_nothing_out_of_the_inbox(
    reception: Reception, inbox: Rows, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_rules, "NEWEST", 5)
    with served(create_app(reception)) as url, client(url) as other:
        sender = Sender(other)
        assert sender.deliver(push(repository={"full_name": "octo/new"})).status_code == 403
        for _ in range(50):
            assert sender.deliver(push(), x_hub_signature_256=FORGED).status_code == 401
        (row,) = counted(50)
    with reception.session() as session:
        inbox_rules.prune(session, datetime.now(UTC))
    (kept,) = inbox()
    assert (kept["status"], kept["http_status"], kept["repository"]) == ("refused", 403, "octo/new")
    assert row["first_at"] < row["last_at"]


def test_a_flood_costs_one_transaction_at_a_time(
    engine: Engine, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    @contextmanager
    def session() -> Iterator[Session]:
        opened.append(1)
        with session_of(engine) as made:
            yield made

    monkeypatch.setattr(rules, "WRITE_SECONDS", 3600)
    reception = Reception(session=session, apps=lambda: APPS, secrets=lambda _: KNOWN, keys=lambda: [KEY])
    with served(create_app(reception)) as url, client(url) as other:
        sender = Sender(other)
        sender.deliver(push(), x_hub_signature_256=FORGED)
        counted(1)
        for _ in range(100):
            sender.deliver(push(), x_hub_signature_256=FORGED)
        assert len(opened) == 1
        reception.tally.write()
    counted(101)
    assert len(opened) == 2


def test_counts_of_several_api_servers_add_up(reception: Reception, counted: Counted) -> None:
    first, second = Tally(reception.session), Tally(reception.session)
    for minute, tally in enumerate((first, second, first)):
        tally.count(refused("repository 1"), "192.0.2.1", NOW + timedelta(minutes=minute))
        tally.write()
    second.count(refused("repository 2"), "192.0.2.1", NOW)
    second.write()
    rows = counted(4)
    assert [(row["about"], row["number"]) for row in rows] == [("repository 1", 3), ("repository 2", 1)]
    assert rows[0]["first_at"].replace(tzinfo=UTC) == NOW
    assert rows[0]["last_at"].replace(tzinfo=UTC) == NOW + timedelta(minutes=2)


def test_rows_and_memory_stay_bounded_for_strangers_alone(
    reception: Reception, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST", 10)
    tally = Tally(reception.session)
    tally.count(refused("Octo/Hello", 429, signed=True), "192.0.2.1", NOW)
    for batch in range(5):
        for number in range(100):
            moment = NOW + timedelta(hours=batch, seconds=number)
            tally.count(refused(), f"198.51.{batch}.{number}", moment)
        assert len(tally) <= 12
        tally.write()
        assert len(tally) == 0
    with reception.session() as session:
        rows = session.execute(select(tally_table)).mappings().all()
    assert len([row for row in rows if not row["signed"]]) <= 10
    assert [row["number"] >= 90 for row in rows if row["sender"] == rules.OTHERS] == [True]
    assert [row["about"] for row in rows if row["signed"]] == ["Octo/Hello"]


def test_database_away_costs_counts_and_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    away = create_engine("postgresql+psycopg2://nobody:s3cret@127.0.0.1:1/none")
    tally = Tally(lambda: session_of(away))
    tally.count(refused(), "192.0.2.1", NOW)
    tally.write()
    assert "1 counts of refused requests are not stored" in caplog.text
    assert "webhook: 1 requests refused, 1 of them from 192.0.2.1 with 401: signature wrong" in caplog.text


def test_threads_count_every_refusal(reception: Reception, counted: Counted) -> None:
    tally = Tally(reception.session)

    def count() -> None:
        for _ in range(200):
            tally.count(refused(), "192.0.2.1", NOW)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tally.write()
    counted(800)
