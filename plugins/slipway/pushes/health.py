"""Whether pushes get on: how many wait, since when, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.configuration import conf
from airflow.jobs.job import Job
from airflow.models.dag import DagModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.platforms import PIPELINES
from slipway.flow.push_progress import PushState
from slipway.pushes import store
from slipway.pushes.starting import unready

DAGS = (PUSH, *PIPELINES.values(), DEPLOY)
LOOKED_AT_WITHIN = timedelta(minutes=10)
"""A look takes seconds; more means that nobody looks."""


def health(session: Session, now: datetime | None = None) -> dict[str, Any]:
    """Return the state of pushes that are under way, and what keeps them from getting on.

    ``status`` is ``unhealthy`` when something does; ``troubles`` names each with its cure. Airflow's own
    ``/api/v2/monitor/health`` knows nothing of pushes.
    """
    now = now or datetime.now(UTC)
    waiting = store.waiting(session)
    troubles = [*_scheduler(session, now), *_dags(session), *_looks(waiting, now)]
    return {
        "status": "unhealthy" if troubles else "healthy",
        "troubles": troubles,
        "pushes": {
            state: {"count": count, "oldest_seconds": max(0, round((now - since).total_seconds()))}
            for state, (count, since) in waiting.items()
        },
    }


def _scheduler(session: Session, now: datetime) -> Iterator[str]:
    seconds = conf.getint("scheduler", "scheduler_health_check_threshold")
    query = select(func.max(Job.latest_heartbeat)).where(
        Job.job_type == "SchedulerJob", Job.state == "running"
    )
    last = store.aware(session.scalar(query))
    if last is None or now - last > timedelta(seconds=seconds):
        yield "no scheduler runs: pushes are recorded, and wait for it. Start Airflow's scheduler"


def _dags(session: Session) -> Iterator[str]:
    for dag_id, reason in unready(session, DAGS).items():
        yield f"DAG {dag_id} {reason}: no push can start it. Look for import errors in Airflow"
    paused = select(DagModel.dag_id).where(DagModel.dag_id.in_(DAGS), DagModel.is_paused, ~DagModel.is_stale)
    for dag_id in session.scalars(paused.order_by(DagModel.dag_id)):
        yield f"DAG {dag_id} is paused: its runs wait. Unpause it in Airflow"


def _looks(waiting: Mapping[PushState, tuple[int, datetime]], now: datetime) -> Iterator[str]:
    count, since = waiting.get("looking", (0, now))
    if now - since > LOOKED_AT_WITHIN:
        yield (
            f"{count} pushes wait to be looked at, the first since {since:%Y-%m-%d %H:%M:%S} UTC: see the "
            f"runs of DAG {PUSH} in Airflow, and whether its workers and pools are busy"
        )
