"""Finds pushes whose reports were lost, and resumes them.

A task reports its end, and a listener what no task can report; both may die. What Airflow's runs say decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from airflow.models.dagrun import DagRun
from sqlalchemy import select
from sqlalchemy.orm import Session

from slipway.flow.followed import DEPLOY, ENDED, PUSH
from slipway.flow.platforms import PIPELINES
from slipway.flow.recorded import RecordedPush
from slipway.pushes import store
from slipway.pushes.reporting import run_ended
from slipway.pushes.starting import start

AGE = timedelta(minutes=5)
"""Younger pushes report themselves."""


def lost(session: Session, now: datetime | None = None, most: int = 200) -> list[str]:
    """Return the ids of pushes that are under way, but have no run that goes on, oldest first.

    :param most: how many pushes under way are looked at.
    """
    before = (now or datetime.now(UTC)) - AGE
    found = store.not_over(session, before, most)
    return [one.id for one in found if any(state in (None, *ENDED) for _, state in _runs(session, one))]


def settle(session: Session, key: str) -> str:
    """Start the runs that a push lacks, and take down those that have ended; returns what was done.

    :raises NotReadyError: when a DAG takes no runs now.
    """
    one = store.find(session, key, lock=True)
    if one is None or one.state == "over":
        return ""
    done: list[str] = []
    for dag_id, state in list(_runs(session, one)):
        if state is None:
            start(session, dag_id, one)
            done.append(f"{dag_id} starts")
        elif state in ENDED:
            run_ended(
                session, dag_id, key, good=state == "success", deployed=True, said="its report was lost"
            )
            done.append(f"{dag_id} had ended")
    return ", ".join(done)


def _runs(session: Session, one: RecordedPush) -> Iterator[tuple[str, str | None]]:
    """Yield the DAGs whose runs a push waits for, with their states; None when there is no run."""
    match one.state:
        case "looking":
            awaited = [PUSH]
        case "building":
            awaited = [PIPELINES[name] for name, known in one.progress.items() if known.state == "building"]
        case _:
            awaited = [DEPLOY]
    query = select(DagRun.dag_id, DagRun.state).where(DagRun.run_id == one.id, DagRun.dag_id.in_(awaited))
    states: dict[str, str] = {dag_id: str(state) for dag_id, state in session.execute(query)}
    for dag_id in awaited:
        yield dag_id, states.get(dag_id)
