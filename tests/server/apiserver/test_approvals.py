"""Releases that wait to be let in, asked about over the route: on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.hitl_history import HITLDetailHistory
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.models.xcom import XComModel
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.orm import Session

from slipway.apiserver.client import ask_approval
from slipway.apiserver.questions import ApprovalAnswer, ApprovalQuestion, Given
from slipway.flow.approval import APPROVAL, APPROVE_TASK, RELEASE_TASK, ApprovalRequest
from slipway.flow.environments import Approval
from slipway.flow.push import PushEvent
from slipway.flow.turns import Contender, TurnPlace

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
HISTORY = ("hitl_detail_history", "task_instance_history")
Wait = Callable[..., None]


def push(number: int) -> PushEvent:
    return PushEvent(
        repository="octo/hello",
        ref="refs/heads/main",
        commit=f"{number:040x}",
        at=NOON + timedelta(minutes=number),
    )


def ask(number: int, *by: str, environment: str = "production") -> ApprovalAnswer:
    return ask_approval(question(number, *by, environment=environment))


def given(number: int, after_try: int = 0) -> Given | None:
    """What is said before the question is on record."""
    return ask_approval(question(number).model_copy(update={"after_try": after_try, "asked": False})).given


def question(number: int, *by: str, environment: str = "production") -> ApprovalQuestion:
    place = TurnPlace(repository="Octo/Hello", application="shop", environment=environment)
    known = push(number)
    mine = Contender(dag_id="deploy", run_id=f"run-{number}", commit=known.commit, at=known.at)
    return ApprovalQuestion(place=place, mine=mine, by=by)


@pytest.fixture
def waits(engine: Engine) -> Wait:
    """Lets a run wait for an answer, as Airflow writes it down."""
    with engine.begin() as connection:
        for table in ("xcom", *HISTORY, "hitl_detail", "task_instance", "dag_run"):
            connection.execute(text(f"DELETE FROM {table}"))

    def wait(number: int, state: str = "awaiting_input", environment: str = "production") -> None:
        run = {"dag_id": "deploy", "run_id": f"run-{number}"}
        request = ApprovalRequest(
            push=push(number), application="shop", environment=environment, approval=Approval()
        )
        with Session(engine) as session, session.begin():
            session.add(DagRun(**run, run_type="manual", state="running", run_after=NOON))
            session.flush()
            ids = {task: _task(session, run, task, state) for task in (RELEASE_TASK, APPROVE_TASK)}
            session.add(
                HITLDetail(ti_id=ids[APPROVE_TASK], options=["Approve", "Reject"], subject="?", params={})
            )
            [key] = session.scalars(select(DagRun.id).where(DagRun.run_id == run["run_id"]))
            value = request.to_json()
            session.execute(
                insert(XComModel.__table__).values(
                    **run, dag_run_id=key, task_id=RELEASE_TASK, map_index=-1, key=APPROVAL, value=value
                )
            )

    return wait


def _task(session: Session, run: dict[str, str], task: str, state: str) -> UUID:
    known = uuid4()
    session.execute(
        insert(TaskInstance.__table__).values(
            **run,
            id=known,
            task_id=task,
            map_index=-1,
            pool="default_pool",
            pool_slots=1,
            state=state if task == APPROVE_TASK else "success",
            next_method="execute_complete",
            next_kwargs=json.loads("{}"),
        )
    )
    return known


def told(engine: Engine, number: int) -> tuple[str, dict[str, Any] | None, dict[str, Any]]:
    """The state of a run's task, who answered, and what was said beside the answer."""
    with Session(engine) as session:
        asked = select(TaskInstance.state, HITLDetail).join(TaskInstance, TaskInstance.id == HITLDetail.ti_id)
        state, detail = session.execute(asked.where(TaskInstance.run_id == f"run-{number}")).one()
        return str(state), detail.responded_by, dict(detail.params_input)


def test_older_ones_are_answered_for_and_go_on_at_once(server: str, engine: Engine, waits: Wait) -> None:
    for number in (1, 2):
        waits(number)
    waits(3, "running")
    answer = ask(3)
    assert answer.newer is None
    assert sorted(one.run_id for one in answer.ended) == ["run-1", "run-2"]
    for number in (1, 2):
        state, by, said = told(engine, number)
        assert (state, by and by["name"]) == ("scheduled", "Slipway")
        assert said == {"superseded_by": f"{'0' * 12} (run run-3)"}
    assert told(engine, 3) == ("running", None, {})
    assert ask(3).ended == ()


def test_one_that_is_about_to_wait_finds_the_answer_when_it_does(
    server: str, engine: Engine, waits: Wait
) -> None:
    waits(1, "running")
    waits(2, "running")
    assert [one.run_id for one in ask(2).ended] == ["run-1"]
    state, by, _ = told(engine, 1)
    assert (state, by and by["name"]) == ("running", "Slipway")


def test_a_newer_one_that_waits_is_named_and_left_alone(server: str, engine: Engine, waits: Wait) -> None:
    waits(1, "running")
    waits(2)
    answer = ask(1)
    assert answer.newer is not None
    assert (answer.newer.run_id, answer.newer.commit) == ("run-2", push(2).commit)
    assert answer.ended == ()
    assert told(engine, 2)[:2] == ("awaiting_input", None)


def test_other_places_and_what_has_ended_are_left_alone(server: str, engine: Engine, waits: Wait) -> None:
    waits(1, environment="staging")
    waits(2, "failed")
    waits(3)
    assert ask(3).ended == ()
    assert told(engine, 1)[:2] == ("awaiting_input", None)
    assert told(engine, 2)[:2] == ("failed", None)


ANSWER = {
    "responded_at": NOON,
    "chosen_options": ["Approve"],
    "responded_by": {"id": "7", "name": "alice"},
}


def remember(engine: Engine, run_id: str, number: int, **answer: Any) -> None:
    """Have a try of the task in its history, as Airflow writes one down that it tries again."""
    lost = uuid4()
    run = {"dag_id": "deploy", "run_id": run_id, "task_id": APPROVE_TASK, "map_index": -1}
    tried = {"task_instance_id": lost, "try_number": number, "pool": "default_pool", "pool_slots": 1}
    asked = {"options": ["Approve", "Reject"], "subject": "?", "params": {}, "params_input": {}}
    with engine.begin() as connection:
        connection.execute(insert(TaskInstanceHistory.__table__).values(**run, **tried))
        connection.execute(insert(HITLDetailHistory.__table__).values(ti_history_id=lost, **asked, **answer))


def answer(engine: Engine, run_id: str) -> None:
    """Have a run's question answered."""
    with Session(engine) as session, session.begin():
        asked = select(HITLDetail).join(TaskInstance, TaskInstance.id == HITLDetail.ti_id)
        detail = session.scalars(asked.where(TaskInstance.run_id == run_id)).one()
        for column, value in ANSWER.items():
            setattr(detail, column, value)


def test_an_answer_that_a_try_did_not_come_to_read_is_read_by_the_next(
    server: str, engine: Engine, waits: Wait
) -> None:
    waits(1)
    waits(2, "running")
    for number, answered in ((1, ANSWER), (2, {})):
        remember(engine, "run-2", number, **answered)
    found = given(2)
    assert found is not None
    assert (found.chosen, found.by, found.at) == (("Approve",), ANSWER["responded_by"], NOON)
    assert told(engine, 2)[1] == ANSWER["responded_by"]
    assert told(engine, 1)[:2] == ("awaiting_input", None)
    assert given(2, after_try=1) is None


def test_an_answer_of_which_airflow_keeps_no_history_is_read_by_the_next_try(
    server: str, engine: Engine, waits: Wait
) -> None:
    waits(1, "running")
    assert given(1) is None
    answer(engine, "run-1")
    found = given(1)
    assert found is not None
    assert (found.chosen, found.by, found.at) == (("Approve",), ANSWER["responded_by"], NOON)


def test_what_was_answered_before_the_task_was_cleared_counts_no_more(
    server: str, engine: Engine, waits: Wait
) -> None:
    waits(1, "running")
    answer(engine, "run-1")
    remember(engine, "run-1", 1, **ANSWER)
    assert given(1, after_try=1) is None
    assert given(1) is not None


def test_roles_are_unknown_to_a_manager_of_users_that_has_none(
    server: str, waits: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "somebody.elses.SimpleAuthManager")
    waits(1, "running")
    assert ask(1, "alice", "role:releasers").unknown == ("role:releasers",)
