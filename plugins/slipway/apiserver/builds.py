"""Decides which run builds an image. Runs in the API server."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.models.dagrun import DagRun
from sqlalchemy import Select, and_, delete, select, update
from sqlalchemy.orm import Session

from slipway.flow.single_flight import BuildClaim, Builder, ClaimAnswer
from slipway.flow.states import LIVING
from slipway.pushes.dialect import insert_into
from slipway.webhook.table import builds

OVER_AT_ONCE = 50
"""How many claims of runs that are over are forgotten with a new one: more than it adds."""


def claim(session: Session, asked: BuildClaim) -> ClaimAnswer:
    """Return who builds an image: the run that asks, unless another claimed it and lives.

    Others that ask about the same image wait for the transaction's end.
    """
    mine = asked.mine
    held = _locked(session, asked)
    if held != mine and session.scalar(_living(held)) is not None:
        return ClaimAnswer(builder=held)
    if held != mine:
        taken = {**mine.model_dump(), "since": datetime.now(UTC)}
        session.execute(update(builds).where(builds.c.key == asked.key).values(taken))
    _forget(session, asked.key)
    return ClaimAnswer(builder=mine)


def _locked(session: Session, asked: BuildClaim) -> Builder:
    """Return whose claim is stored, under a lock on its row, which is made when there is none."""
    row = {"key": asked.key, **asked.mine.model_dump(), "since": datetime.now(UTC)}
    insert = insert_into(session, builds).values(row)
    locked = insert.on_conflict_do_update(index_elements=[builds.c.key], set_={"key": asked.key})
    dag_id, run_id = session.execute(locked.returning(builds.c.dag_id, builds.c.run_id)).one()
    return Builder(dag_id=dag_id, run_id=run_id)


def _living(one: Builder) -> Select[tuple[int]]:
    run = (DagRun.dag_id == one.dag_id, DagRun.run_id == one.run_id)
    return select(DagRun.id).where(*run, DagRun.state.in_(LIVING))


def _forget(session: Session, but: str) -> None:
    """Remove claims whose runs are over; those that another transaction holds wait for the next time."""
    run = and_(DagRun.dag_id == builds.c.dag_id, DagRun.run_id == builds.c.run_id, DagRun.state.in_(LIVING))
    over = select(builds.c.key).where(builds.c.key != but, ~select(DagRun.id).where(run).exists())
    found = session.scalars(over.limit(OVER_AT_ONCE).with_for_update(skip_locked=True, of=builds)).all()
    if found:
        session.execute(delete(builds).where(builds.c.key.in_(found)))
