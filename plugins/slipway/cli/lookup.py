"""Asks Airflow about one push, a question at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

from pydantic import ValidationError

from slipway.cli.answers import AirflowError, Json, ServerError
from slipway.cli.api import Airflow
from slipway.cli.status import DEPLOY_DAG
from slipway.flow.deployment import Deployment
from slipway.flow.followed import PUSH
from slipway.flow.image import Built
from slipway.flow.platforms import PLATFORMS, Platform
from slipway.flow.push_id import id_prefix
from slipway.flow.record import SlipwayError

ASSET_PART = "slipway_"
"""In the names of all of Slipway's assets."""
DEPLOYMENT_ASSET = "slipway_deployment"
ASSETS: Mapping[type, frozenset[str]] = {
    Built: frozenset(one.asset for one in PLATFORMS.values()),
    Deployment: frozenset({DEPLOYMENT_ASSET}),
}
R = TypeVar("R", Built, Deployment)
DeployedTo = tuple[str, str, str, str]
SKEW = timedelta(minutes=5)
"""By how much the clocks of Airflow's machines may differ."""


class Lookup:
    """The questions; :class:`slipway.cli.overview.Overview` has most answers before they are asked."""

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow
        self._paused: dict[str, bool] = {}
        self._asking = Lock()

    def newest_run(self, dag_id: str, key: str) -> Json | None:
        """Return the newest run of ``dag_id`` for exactly this partition key."""
        prefix = id_prefix(key.partition("@")[0]) if dag_id == PUSH else ""
        runs = self.airflow.iterate_runs(dag_id, key, id_prefix=prefix)
        return next((run for run in runs if run.get("partition_key") == key), None)

    def find_run(self, dag_id: str, run_id: str) -> Json | None:
        """Return one run, or None."""
        return self.airflow.find_run(dag_id, run_id)

    def is_paused(self, dag_id: str) -> bool:
        """Say whether a DAG is paused, asked once; False for whoever may not read that."""
        with self._asking:
            if dag_id not in self._paused:
                try:
                    self._paused[dag_id] = bool(self.airflow.get_dag(dag_id).get("is_paused"))
                except AirflowError:
                    self._paused[dag_id] = False
            return self._paused[dag_id]

    def events_of(self, run: Json) -> list[Json]:
        """Return the asset events that a run made, newest first."""
        since = datetime.fromisoformat(run["run_after"]) - SKEW
        names = (run["dag_id"], run["dag_run_id"])
        return self.airflow.get_run_events(*names, ASSET_PART, since.isoformat())[::-1]

    def tasks_of(self, run: Json, state: str) -> list[Json]:
        """Return the tasks of a run that are in this state, in the order of their ends."""
        tasks = self.airflow.get_tasks(run["dag_id"], run["dag_run_id"])
        return in_order(task for task in tasks if task["state"] == state)

    def newest(self, deployment: Deployment) -> Deployment:
        """Return the last deployment of the same application and platform to the same environment."""
        since = (deployment.since - SKEW).isoformat()  # its own event is among them
        for event in self.airflow.iterate_events(DEPLOYMENT_ASSET, DEPLOY_DAG, since=since):
            if place_of(other := read(event, Deployment)) == place_of(deployment):
                return other
        return deployment

    def handed_on(self, run: Json | None, model: type[R]) -> list[R]:
        """Return the images, or the deployments, that a run handed on, newest first."""
        events = self.events_of(run) if run else []
        return [read(event, model) for event in events if event.get("name") in ASSETS[model]]

    def builts_of(self, run: Json | None) -> list[Built]:
        """Return the images that a run handed on, newest first; none while they cannot be listed."""
        try:
            return self.handed_on(run, Built)
        except ServerError:  # the run that it started is queued, see Airflow._ask
            return []


def by_platform(records: Iterable[R]) -> dict[Platform, R]:
    """Return the first of each platform: a run that was cleared hands on what it handed on before."""
    found: dict[Platform, R] = {}
    for one in records:
        found.setdefault(one.platform, one)
    return found


def read(event: Json, model: type[R]) -> R:
    """Return the record that an asset event carries.

    :raises SlipwayError: when another version of Slipway made it.
    """
    try:
        return model.from_json(event.get("extra"))
    except ValidationError as error:
        raise SlipwayError(
            f"asset event {event.get('id')} of {event.get('name')} is not a {model.__name__} as this "
            "command knows it. Use the command of the version that Airflow runs."
        ) from error


def place_of(deployment: Deployment) -> DeployedTo:
    """Return what a later deployment must have in common to replace this one."""
    of = deployment
    return (of.push.repository, of.application, of.environment, of.platform)


def in_order(tasks: Iterator[Json]) -> list[Json]:
    """Return tasks in the order of their ends: the first is the reason, the others what followed."""

    def ended(task: Mapping[str, Any]) -> tuple[str, str]:
        return (task.get("end_date") or "~", task["task_id"])

    return sorted(tasks, key=ended)
