"""Reads from Airflow's database about a run that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from slipway.assets import DEPLOYMENT
from slipway.flow import note as notes
from slipway.flow.ended import Account, FailedTask
from slipway.flow.followed import PUSH
from slipway.flow.push_id import is_push_id
from slipway.listeners.account import KEY
from slipway.pushes import store


class AskedFor(NamedTuple):
    """The purpose of a run: a push, or the input of a person's form."""

    repository: str
    ref: str
    commit: str
    environment: str
    at: datetime
    by_push: bool


def asked_for(session: Session, run: Any) -> AskedFor | None:
    """Return what the run is for; None when it names no repository."""
    environment = str((run.conf or {}).get("environment") or "")
    if is_push_id(run.run_id) and (one := store.find(session, run.run_id)) is not None:
        push = one.push
        return AskedFor(push.repository, push.ref, push.commit, environment, push.at, True)
    form = run.conf or {}
    if not form.get("repository"):
        return None
    ref = str(form.get("ref") or "refs/heads/main")
    return AskedFor(
        str(form["repository"]), ref, str(form.get("commit") or ""), environment, run.run_after, False
    )


def failed_tasks(session: Session, run: Any) -> Iterator[FailedTask]:
    """Yield the tasks that failed, in the order of their ends."""
    query = (
        select(TaskInstance.task_id, TaskInstance.try_number)
        .where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
        .where(TaskInstance.state == "failed")
        .order_by(TaskInstance.end_date, TaskInstance.task_id)
    )
    for task_id, attempt in session.execute(query):
        yield FailedTask(task_id=task_id, attempt=attempt)


def note(session: Session, run: Any, *, good: bool) -> str:
    """Return the run's outcome in one line; "" when there is nothing to say."""
    if not good:
        first = next(failed_tasks(session, run), None)
        said = _xcom(session, run, first.task_id, KEY) if first else None
        return notes.of_failure(first.task_id if first else "", Account.from_json(said) if said else None)
    if run.dag_id == "deploy":
        return notes.of_deployments(deployments(session, run))
    if run.dag_id == PUSH:
        one = store.find(session, run.run_id)  # what it starts has notes of its own
        return f"{notes.SUPERSEDED}{one.reason}" if one and one.outcome == "superseded" else ""
    return notes.of_build(_xcom(session, run, "publish", "return_value"))


def deployments(session: Session, run: Any) -> list[dict[str, Any]]:
    """Return what a run of ``deploy`` put into place."""
    query = (
        select(AssetEvent.extra)
        .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        .where(AssetModel.name == DEPLOYMENT.name, AssetEvent.source_run_id == run.run_id)
        .where(AssetEvent.source_dag_id == run.dag_id, AssetEvent.timestamp >= run.start_date)
    )
    return list(session.scalars(query))


def _xcom(session: Session, run: Any, task_id: str, key: str) -> Any:
    found = session.scalar(
        select(XComModel).where(
            XComModel.dag_id == run.dag_id,
            XComModel.run_id == run.run_id,
            XComModel.task_id == task_id,
            XComModel.key == key,
        )
    )
    return XComModel.deserialize_value(found) if found is not None else None
