"""A run's note, and the event at its end that starts DAG notify. Runs inside the scheduler's loop.

So it only reads and writes Airflow's database, in a transaction of its own which gives up soon: the
scheduler's own, with which the run ends, never waits for long and is never broken by it. Jira and the mail
server are talked to by the tasks of DAG ``notify``, which the event starts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from slipway.assets import OUTCOME
from slipway.config import load_apps
from slipway.flow.ended import Ended, news
from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.note import of_start, over
from slipway.flow.push_id import is_push_id
from slipway.flow.record import SlipwayError
from slipway.listeners import reading
from slipway.pushes.dialect import insert_into
from slipway.pushes.reporting import run_ended
from slipway.pushes.table import outcomes

log = logging.getLogger(__name__)

PATIENCE = text("SET LOCAL lock_timeout = '2s'")


def begin(dag_run: Any) -> None:
    """Write into the note of a run that has begun for whom it is.

    :param dag_run: Airflow's record, in the session of whoever begins the run.
    """
    with create_session(scoped=False) as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(PATIENCE)
        run = session.get(DagRun, dag_run.id)
        line = _start(session, run) if run is not None else ""
    if line and line not in (dag_run.note or "").splitlines():
        dag_run.note = over(dag_run.note, line)


def _start(session: Session, run: Any) -> str:
    if (asked := reading.asked_for(session, run)) is None:
        return ""
    if run.dag_id != DEPLOY:
        return of_start(asked.repository, asked.ref, asked.commit, "")
    source = str((run.conf or {}).get("promote_from") or "")
    return of_start(asked.repository, asked.ref, asked.commit, _environment(asked), source)


def _environment(asked: reading.AskedFor) -> str:
    try:
        app = load_apps().find(asked.repository)
    except SlipwayError:
        app = None  # the run's own tasks say what is wrong with the file
    if asked.environment or app is None:
        return asked.environment
    name, _ = app.environment_for(asked.ref) or ("", None)
    return name


def take(dag_run: Any, *, good: bool) -> None:
    """Write the run's note, and register what is to be reported.

    :param dag_run: Airflow's record, in the session of whoever ends the run.
    """
    told: list[Callable[[], None]] = []
    line = ""
    try:
        # A session that is not scoped: Airflow's scoped one is the scheduler's own.
        with create_session(scoped=False) as session:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(PATIENCE)
            run = session.get_one(DagRun, dag_run.id)
            line = reading.note(session, run, good=good)
            if is_push_id(run.run_id):
                deployed = run.dag_id == DEPLOY and bool(reading.deployments(session, run))
                run_ended(session, run.dag_id, run.run_id, good=good, deployed=deployed, said=line)
            if (ended := _ended(session, run, good=good)) is not None:
                told = _register(session, ended)
    except SlipwayError as error:
        log.warning("the end of run %s of %s is not reported: %s", dag_run.run_id, dag_run.dag_id, error)
    for tell in told:
        tell()
    if line:
        dag_run.note = over(dag_run.note, line)


def _ended(session: Session, run: Any, *, good: bool) -> Ended | None:
    """Return the end of a run of an application that has recipients; None otherwise."""
    if run.dag_id == PUSH and not is_push_id(run.run_id):
        return None  # it follows another run, whose end is reported
    apps = load_apps()
    if (asked := reading.asked_for(session, run)) is None or (app := apps.find(asked.repository)) is None:
        return None
    if app.tickets is None and app.notify is None:
        return None
    environment = asked.environment or next(iter(app.environment_for(asked.ref) or ()), "")
    if not environment:
        return None
    return Ended(
        dag_id=run.dag_id,
        run_id=run.run_id,
        good=good,
        repository=apps.name_of(asked.repository) or asked.repository,
        ref=asked.ref,
        commit=asked.commit,
        environment=environment,
        pushed_at=asked.at,
        by_push=asked.by_push,
        failed=() if good else tuple(reading.failed_tasks(session, run)),
    )


def _register(session: Session, ended: Ended) -> list[Callable[[], None]]:
    """Register the event that starts ``notify``; returns what tells Airflow's listeners after the commit."""
    asset = session.scalar(
        select(AssetModel).where(AssetModel.name == OUTCOME.name, AssetModel.uri == OUTCOME.uri)
    )
    if asset is None:
        return []  # there is no DAG that tells
    known = session.scalar(select(outcomes.c.ended).where(outcomes.c.key == ended.key).with_for_update())
    told = news(ended, _read(known))
    after_commit: list[Callable[[], None]] = []
    if told is not None:
        _remember(session, told)
        asset_manager.register_asset_change(
            asset=asset,
            extra={"ended": told.to_json()},
            partition_key=told.key,
            source_is_api=True,
            callback_sink=after_commit,
            session=session,
        )
    return after_commit


def _remember(session: Session, told: Ended) -> None:
    """Keep what is reported: events of assets are searched by no key, and `db clean` removes them."""
    values = {"ended": told.to_json()}
    insert = insert_into(session, outcomes).values(key=told.key, **values)
    session.execute(insert.on_conflict_do_update(index_elements=[outcomes.c.key], set_=values))


def _read(known: Any) -> Ended | None:
    """Return what was reported last; None when another version of Slipway wrote it in another form."""
    try:
        return Ended.from_json(known) if known is not None else None
    except ValidationError:
        return None
