"""Creates the runs that follow from a push, in the caller's transaction: both are there, or neither is.

As Airflow's own route does it (airflow/api_fastapi/core_api/routes/public/dag_run.py). A run of a paused DAG
waits, and begins when the DAG is unpaused. ``(dag_id, run_id)`` is unique in Airflow's table of runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select
from sqlalchemy.orm import Session

from slipway.flow.record import SlipwayError
from slipway.flow.recorded import RecordedPush
from slipway.pushes.outlets import join_outlets


class NotReadyError(SlipwayError):
    """A DAG could not be given a run now; reporting the push again later will do."""


@cache
def _dags() -> DBDagBag:
    # It keeps a DAG, and looks whether there is another version of it.
    return DBDagBag(load_op_links=False)


def start(session: Session, dag_id: str, one: RecordedPush) -> None:
    """Create the run of a DAG that follows from a push, unless there is one.

    :raises NotReadyError: when Airflow does not know the DAG (any more), or cannot read it.
    """
    run = (DagRun.dag_id == dag_id, DagRun.run_id == one.id)
    if session.scalar(select(DagRun.id).where(*run)) is not None:
        return
    _require(session, dag_id)
    version = DagVersion.get_latest_version(dag_id, session=session)
    dag: Any = _dags().get_dag(version.id, session=session) if version else None
    if dag is None:
        raise NotReadyError(
            f"Airflow has no readable version of DAG {dag_id} yet. Report the push again in a minute, or "
            "look for import errors in Airflow"
        )
    join_outlets(session, dag_id)
    push = one.push
    dag.create_dagrun(
        run_id=one.id,
        run_after=datetime.now(UTC),
        conf={"push": push.to_json()},  # for people; the DAG's parameters are a form's
        run_type=DagRunType.MANUAL,
        triggered_by=DagRunTriggeredByType.ASSET,
        state=DagRunState.QUEUED,
        partition_key=push.partition_key,
        session=session,
    )


def unready(session: Session, dag_ids: Iterable[str]) -> dict[str, str]:
    """Return why DAGs take no runs, by id; those that do are left out."""
    wanted = list(dag_ids)
    query = select(DagModel.dag_id, DagModel.is_stale, DagModel.has_import_errors)
    known = {dag_id: rest for dag_id, *rest in session.execute(query.where(DagModel.dag_id.in_(wanted)))}
    found: dict[str, str] = {}
    for dag_id in wanted:
        stale, broken = known.get(dag_id, (True, False))
        if stale:
            found[dag_id] = "is not known: Airflow's DAG processor has not read it"
        elif broken:
            found[dag_id] = "has import errors"
    return found


def _require(session: Session, dag_id: str) -> None:
    for name, reason in unready(session, [dag_id]).items():
        raise NotReadyError(
            f"DAG {name} {reason}. Report the push again in a minute, or look for import errors in Airflow"
        )
