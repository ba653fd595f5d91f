"""Writes a run of a DAG and its tasks as Airflow's ``SerializedDAG.create_dagrun`` does, in two statements.

Airflow's own also checks the form of the DAG's parameters and compares its tasks with those of the run, which
has none yet: half of the CPU time that a delivery of the webhook took. A test compares the rows of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow import settings
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from slipway.flow.recorded import RecordedPush

_UNMAPPED = -1


def _columns(model: Any) -> Mapping[str, str]:
    return {one.key: one.columns[0].name for one in inspect(model).column_attrs}


_OF_RUN, _OF_TASK = _columns(DagRun), _columns(TaskInstance)
_RUNS, _TASKS = DagRun.__table__.insert(), TaskInstance.__table__.insert()


@dataclass(frozen=True)
class ReadyDag:
    """A DAG that can be given a run."""

    dag: Any
    """Airflow's ``SerializedDAG``."""
    version: Any
    """Id of its newest version."""
    bundle_version: str | None


def write(session: Session, ready: ReadyDag, one: RecordedPush) -> None:
    """Write the run that follows from a push."""
    fields: dict[str, Any] = {
        "run_id": one.id,
        "run_after": datetime.now(UTC),
        "conf": {"push": one.push.to_json()},  # for people; the DAG's parameters are a form's
        "run_type": DagRunType.MANUAL,
        "triggered_by": DagRunTriggeredByType.ASSET,
        "state": DagRunState.QUEUED,
        "partition_key": one.push.partition_key,
    }
    if not _is_plain(ready.dag):
        ready.dag.create_dagrun(session=session, **fields)
        return
    run = DagRun(dag_id=ready.dag.dag_id, bundle_version=ready.bundle_version, **fields)
    run.created_dag_version_id = ready.version
    session.execute(_RUNS, _row(_OF_RUN, inspect(run).dict))
    tasks = [
        TaskInstance.insert_mapping(one.id, task, _UNMAPPED, dag_version_id=ready.version, dag_run=run)
        for task in ready.dag.tasks
    ]
    if tasks:
        session.execute(_TASKS, [_row(_OF_TASK, task) for task in tasks])


def _is_plain(dag: Any) -> bool:
    """Say whether the rows depend on nothing but the DAG: no policy of the installation, no mapped tasks."""
    return (
        settings.task_instance_mutation_hook.is_noop
        and not dag.deadline
        and all(not task.is_mapped and task.get_closest_mapped_task_group() is None for task in dag.tasks)
    )


def _row(names: Mapping[str, str], attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {names[key]: value for key, value in attributes.items() if key in names}
