"""Creates the runs that follow from a push, in the caller's transaction: both are there, or neither is.

As Airflow's own route does it (airflow/api_fastapi/core_api/routes/public/dag_run.py). A run of a paused DAG
waits, and begins when the DAG is unpaused. ``(dag_id, run_id)`` is unique in Airflow's table of runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from slipway.flow.record import SlipwayError
from slipway.flow.recorded import RecordedPush
from slipway.pushes.outlets import join_outlets
from slipway.pushes.runs import ReadyDag, write

_DAG_ID: Any = bindparam("dag_id")
_RUN_ID: Any = bindparam("run_id")
_VERSIONS = select(DagVersion.id).where(DagVersion.dag_id == _DAG_ID)
_NEWEST = _VERSIONS.order_by(DagVersion.version_number.desc()).limit(1)
_RUN = select(DagRun.id).where(DagRun.dag_id == _DAG_ID, DagRun.run_id == _RUN_ID)
_KNOWN = select(
    DagModel.is_stale,
    DagModel.has_import_errors,
    DagModel.bundle_version,
    _NEWEST.scalar_subquery().label("version"),
    _RUN.scalar_subquery().label("run"),
).where(DagModel.dag_id == _DAG_ID)
"""All that has to be known of a DAG, in one question."""
_UNKNOWN = "is not known: Airflow's DAG processor has not read it"


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
    known = session.execute(_KNOWN, {"dag_id": dag_id, "run_id": one.id}).first()
    if known is not None and known.run is not None:
        return
    trouble = _UNKNOWN if known is None else _trouble(known.is_stale, known.has_import_errors)
    if known is None or trouble:
        raise NotReadyError(
            f"DAG {dag_id} {trouble}. Report the push again in a minute, or look for import errors in Airflow"
        )
    dag: Any = _dags().get_dag(known.version, session=session) if known.version else None
    if dag is None:
        raise NotReadyError(
            f"Airflow has no readable version of DAG {dag_id} yet. Report the push again in a minute, or "
            "look for import errors in Airflow"
        )
    join_outlets(session, dag_id)
    bundle = None if dag.disable_bundle_versioning else known.bundle_version
    write(session, ReadyDag(dag, known.version, bundle), one)


def unready(session: Session, dag_ids: Iterable[str]) -> dict[str, str]:
    """Return why DAGs take no runs, by id; those that do are left out."""
    wanted = list(dag_ids)
    query = select(DagModel.dag_id, DagModel.is_stale, DagModel.has_import_errors)
    known = {dag_id: rest for dag_id, *rest in session.execute(query.where(DagModel.dag_id.in_(wanted)))}
    found = {dag_id: _trouble(*known.get(dag_id, (True, False))) for dag_id in wanted}
    return {dag_id: reason for dag_id, reason in found.items() if reason}


def _trouble(stale: bool, broken: bool) -> str:
    if stale:
        return _UNKNOWN
    return "has import errors" if broken else ""
