"""Gives turns: who deploys an application to an environment now. Runs in the API server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from slipway.apiserver import freezes
from slipway.apiserver.questions import TurnQuestion
from slipway.flow.apps import Apps
from slipway.flow.followed import DEPLOY
from slipway.flow.freezes import Hold
from slipway.flow.gate import Gate
from slipway.flow.note import of_turn
from slipway.flow.record import SlipwayError
from slipway.flow.states import LIVING
from slipway.flow.turns import CHOOSE_TASK, RAN_BEFORE, ROLLBACK, ROLLBACK_RUN, Contender, Turn, take
from slipway.pushes.dialect import insert_into
from slipway.webhook.table import turns


def give(session: Session, question: TurnQuestion, apps: Callable[[], Apps]) -> Turn:
    """Say whose turn it is at a place; contenders whose run is over are forgotten.

    Others that ask about the same place wait for the transaction's end.

    :param apps: reads ``apps.yaml``.
    """
    place, now = question.place.key, datetime.now(UTC)
    stored = _locked(session, place)
    contenders = [Contender.from_json(one) for one in stored]
    living = _living(session, contenders)
    known = [one for one in contenders if one.run in living]
    # What a run says of itself decides neither: that is the database's.
    own = {"since": None, "let": None, "rolls_back": _rolls_back(session, question)}
    left, turn = take(known, question.mine.model_copy(update=own), now, _gate(session, question, apps, now))
    if (told := [one.to_json() for one in left]) != stored:
        session.execute(turns.update().where(turns.c.place == place).values(contenders=told))
    _note(session, question.mine, turn)
    if turn.let and turn.since == now:
        freezes.record(
            session, f"{freezes.EVENT}: let through", turn.let.by, turn.let.to_json(), question.mine.run_id
        )
    return turn


def _gate(session: Session, question: TurnQuestion, apps: Callable[[], Apps], now: datetime) -> Gate:
    try:
        return freezes.gate_of(session, apps(), question.place, now)
    except SlipwayError as error:  # a freeze may be in it: nothing goes before it can be read again
        hold = Hold(why=str(error).splitlines()[0][:300])
        return Gate(hold=hold, rollbacks=hold)


def _rolls_back(session: Session, question: TurnQuestion) -> bool:
    """Say whether DAG ``rollback`` started the run, for this very release, which ran there before."""
    mine, place = question.mine, question.place
    if mine.dag_id != DEPLOY or not mine.run_id.startswith(ROLLBACK_RUN):
        return False
    of = (XComModel.dag_id == ROLLBACK, XComModel.run_id == mine.run_id.removeprefix(ROLLBACK_RUN))
    query = select(XComModel).where(*of, XComModel.task_id == CHOOSE_TASK)
    said = {one.key: XComModel.deserialize_value(one) for one in session.scalars(query)}
    chosen = said.get("return_value") or {}
    same = (str(chosen.get("repository")).casefold(), chosen.get("environment"), chosen.get("commit"))
    return said.get(RAN_BEFORE) is True and same == (
        place.repository.casefold(),
        place.environment,
        mine.commit,
    )


def _note(session: Session, mine: Contender, turn: Turn) -> None:
    """Write into the run's note what it waits for, or who let it through."""
    run = session.scalar(select(DagRun).where(DagRun.dag_id == mine.dag_id, DagRun.run_id == mine.run_id))
    if run is None:
        return
    waits, let = turn.hold.why if turn.hold else "", str(turn.let) if turn.let else ""
    if (told := of_turn(run.note, waits, let)) != (run.note or ""):
        run.note = told


def _locked(session: Session, place: str) -> list[Any]:
    """Return what is stored of a place, under a lock on its row, which is made when there is none."""
    insert = insert_into(session, turns).values(place=place, contenders=[])
    locked = insert.on_conflict_do_update(index_elements=[turns.c.place], set_={"place": place})
    found: list[Any] = session.execute(locked.returning(turns.c.contenders)).scalar_one()
    return found


def _living(session: Session, contenders: Iterable[Contender]) -> set[tuple[str, str]]:
    runs = tuple_(DagRun.dag_id, DagRun.run_id).in_([one.run for one in contenders])
    query = select(DagRun.dag_id, DagRun.run_id).where(runs, DagRun.state.in_(LIVING))
    return {(dag_id, run_id) for dag_id, run_id in session.execute(query)}
