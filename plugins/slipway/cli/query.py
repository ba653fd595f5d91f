"""Asks Airflow for pushes, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.cli.answers import AirflowError, Json
from slipway.cli.api import Airflow
from slipway.cli.facts import status_of
from slipway.cli.listing import AT_ONCE
from slipway.cli.lookup import Lookup, R
from slipway.cli.overview import Overview
from slipway.cli.pushed import PushRun, event_of_key, newest, push_runs
from slipway.cli.status import PlatformFacts, PushStatus, push_status
from slipway.flow.followed import PUSH
from slipway.flow.platforms import PLATFORMS
from slipway.flow.push_id import id_prefix

RECENT = timedelta(days=30)
"""A commit that people ask about was mostly pushed meanwhile."""


def find_pushes(airflow: Airflow, commit: str = "", repository: str = "", ref: str = "") -> list[PushRun]:
    """Return pushes, newest first: each application's newest, or of one commit that of each of its refs.

    :param commit: first digits of the commit; "" for any.
    :param repository: only this application (as GitHub compares names: without case).
    :param ref: only pushes of this ref.
    """
    if not (commit or repository):
        return newest(Overview(airflow).pushes)
    key = f"{repository}@{commit.lower()}"
    recent = "" if repository else (datetime.now(UTC) - RECENT).isoformat()
    prefix = id_prefix(repository) if repository else ""
    # What is found by an index first; then a commit of long ago, or a name that is spelled in another case.
    for begins, since in ((prefix, recent), ("", "")):
        runs = airflow.iterate_runs(PUSH, key, id_prefix=begins, since=since)
        if found := newest(push_runs(runs), commit, repository, ref):
            return found
    return []


def get_statuses(airflow: Airflow) -> dict[str, PushStatus]:
    """Return what became of each application's newest push, by the push's id.

    It takes a request for about a hundred applications and pipelines, not several for each.
    """
    overview = Overview(airflow)
    ids = [one.id for one in newest(overview.pushes)]
    overview.read_tasks(ids)
    return _each(overview, ids)


def get_some(airflow: Airflow, ids: Sequence[str]) -> dict[str, PushStatus]:
    """Return what became of these pushes, by id.

    :raises AirflowError: when the run of one is gone.
    """
    return _each(Lookup(airflow), ids)


def get_status(airflow: Airflow, key: str) -> PushStatus:
    """Return what became of the newest push with this partition key, which may have no run yet."""
    lookup = Lookup(airflow)
    if (look := lookup.newest_run(PUSH, key)) is None:
        return push_status(event_of_key(key), {name: PlatformFacts() for name in PLATFORMS})
    return status_of(lookup, look)


def find_run(airflow: Airflow, dag_id: str, key: str) -> Json | None:
    """Return the newest run of ``dag_id`` for exactly this partition key."""
    return Lookup(airflow).newest_run(dag_id, key)


def handed_on(airflow: Airflow, run: Mapping[str, Any], model: type[R]) -> list[R]:
    """Return the images, or the deployments, that a run handed on."""
    return Lookup(airflow).handed_on(dict(run), model)


def _each(lookup: Lookup, ids: Iterable[str]) -> dict[str, PushStatus]:
    known = list(ids)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(known, pool.map(lambda one: _status(lookup, one), known), strict=True))


def _status(lookup: Lookup, run_id: str) -> PushStatus:
    if (look := lookup.find_run(PUSH, run_id)) is None:
        raise AirflowError(f"run {run_id} of {PUSH} no longer exists: was it deleted?")
    return status_of(lookup, look)
