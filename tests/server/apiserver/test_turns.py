"""Turns to deploy, asked for over the route: on both databases, by many at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from airflow.models.dagrun import DagRun
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from slipway.apiserver.client import ask_turn, ask_turns
from slipway.apiserver.questions import TURNS_AT_ONCE, TurnQuestion
from slipway.apiserver.turn_trigger import TurnTrigger
from slipway.flow.record import SlipwayError
from slipway.flow.turns import Contender, TurnPlace

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)


def question(number: int, application: str = "shop") -> TurnQuestion:
    return TurnQuestion(
        place=TurnPlace(repository="octo/hello", application=application, environment="production"),
        mine=Contender(
            dag_id="deploy",
            run_id=f"run-{number}",
            commit=f"{number:040x}",
            at=NOON + timedelta(minutes=number),
        ),
    )


def become(engine: Engine, number: int, state: str) -> None:
    """Let the run of a question come to a state."""
    run_id = f"run-{number}"
    with Session(engine) as session, session.begin():
        session.execute(text("DELETE FROM dag_run WHERE run_id = :id"), {"id": run_id})
        session.add(DagRun(dag_id="deploy", run_id=run_id, run_type="manual", state=state, run_after=NOON))


@pytest.fixture
def runs(engine: Engine) -> Engine:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dag_run"))
        connection.execute(text("DELETE FROM slipway_turn"))
    for number in range(4):
        become(engine, number, "running")
    return engine


def test_one_at_a_time_until_its_run_is_over(server: str, runs: Engine) -> None:
    assert ask_turn(question(1)).state == "given"
    assert ask_turn(question(1)).state == "given"
    waits = ask_turn(question(2))
    assert (waits.state, waits.other and waits.other.run_id) == ("waits", "run-1")
    assert ask_turn(question(3)).state == "waits"
    superseded = ask_turn(question(2))
    assert (superseded.state, superseded.other and superseded.other.run_id) == ("superseded", "run-3")
    become(runs, 1, "failed")
    assert ask_turn(question(3)).state == "given"


def test_a_run_that_was_deleted_has_no_turn_to_keep(server: str, runs: Engine) -> None:
    assert ask_turn(question(1)).state == "given"
    with runs.begin() as connection:
        connection.execute(text("DELETE FROM dag_run WHERE run_id = 'run-1'"))
    assert ask_turn(question(2)).state == "given"


def test_applications_and_environments_do_not_wait_for_each_other(server: str, runs: Engine) -> None:
    elsewhere = question(2).model_copy(
        update={"place": question(2).place.model_copy(update={"environment": "staging"})}
    )
    turns = [ask_turn(one) for one in (question(1), question(2, "blog"), elsewhere)]
    assert [turn.state for turn in turns] == ["given"] * 3


def test_of_many_that_ask_at_the_same_time_one_has_its_turn(server: str, runs: Engine) -> None:
    same = [
        question(1).model_copy(update={"mine": question(number).mine.model_copy(update={"at": NOON})})
        for number in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        states = [turn.state for turn in pool.map(ask_turn, same)]
    assert sorted(states) == ["given", "waits", "waits", "waits"]


async def test_the_triggerer_asks_for_many_at_once(server: str, runs: Engine) -> None:
    many = [question(1, f"shop-{number}") for number in range(TURNS_AT_ONCE + 3)]
    turns = await ask_turns(f"{server}/slipway", many)
    assert [turn.state for turn in turns] == ["given"] * len(many)


async def test_a_trigger_fires_when_its_turn_has_come(server: str, runs: Engine) -> None:
    await asyncio.to_thread(ask_turn, question(1))
    trigger = TurnTrigger(url=f"{server}/slipway", question=question(2).to_json())
    again = TurnTrigger(**trigger.serialize()[1])
    waiting = asyncio.ensure_future(anext(again.run()))
    done, _ = await asyncio.wait([waiting], timeout=3)
    assert not done
    await asyncio.to_thread(become, runs, 1, "success")
    async with asyncio.timeout(60):
        assert (await waiting).payload == {}
    assert (await asyncio.to_thread(ask_turn, question(2))).state == "given"


def test_a_question_about_no_place_is_refused(server: str, runs: Engine) -> None:
    broken = question(1).model_copy(
        update={"place": question(1).place.model_copy(update={"application": "No Name"})}
    )
    with pytest.raises(SlipwayError, match="has errors in: turns"):
        ask_turn(broken)
