"""Gives turns: who deploys an application to an environment now. Runs in the API server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from airflow.models.dagrun import DagRun
from sqlalchemy import select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from slipway.apiserver.questions import TurnQuestion
from slipway.flow.states import LIVING
from slipway.flow.turns import Contender, Turn, take
from slipway.webhook.table import turns


def give(session: Session, question: TurnQuestion) -> Turn:
    """Say whose turn it is at a place; contenders whose run is over are forgotten.

    Others that ask about the same place wait for the transaction's end.
    """
    place = question.place.key
    stored = _locked(session, place)
    contenders = [Contender.from_json(one) for one in stored]
    living = _living(session, contenders)
    left, turn = take([one for one in contenders if one.run in living], question.mine, datetime.now(UTC))
    if (told := [one.to_json() for one in left]) != stored:
        session.execute(turns.update().where(turns.c.place == place).values(contenders=told))
    return turn


def _locked(session: Session, place: str) -> list[Any]:
    """Return what is stored of a place, under a lock on its row, which is made when there is none."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(turns).values(place=place, contenders=[])
    locked = insert.on_conflict_do_update(index_elements=[turns.c.place], set_={"place": place})
    found: list[Any] = session.execute(locked.returning(turns.c.contenders)).scalar_one()
    return found


def _living(session: Session, contenders: Iterable[Contender]) -> set[tuple[str, str]]:
    runs = tuple_(DagRun.dag_id, DagRun.run_id).in_([one.run for one in contenders])
    query = select(DagRun.dag_id, DagRun.run_id).where(runs, DagRun.state.in_(LIVING))
    return {(dag_id, run_id) for dag_id, run_id in session.execute(query)}
