"""What Airflow knows of each application's newest push, read in pages.

One question for each application, platform and run took minutes for 300 applications. Here the lists are
read a hundred lines at a time, and a question is asked alone only where they have no answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from slipway.cli.answers import AirflowError, Json
from slipway.cli.api import PAGE, Airflow, no_dag
from slipway.cli.listing import MOST, Lines, events_of, runs_of
from slipway.cli.listing import read as read_lists
from slipway.cli.lookup import ASSET_PART, DEPLOYMENT_ASSET, DeployedTo, Lookup, in_order, place_of, read
from slipway.cli.pushed import PushRun, push_runs
from slipway.cli.status import BUILD_DAGS, DEPLOY_DAG
from slipway.flow.deployment import Deployment
from slipway.flow.followed import PUSH
from slipway.flow.platforms import PLATFORMS

DEEP = 3 * PAGE
"""Lines of a list that are read without a second thought."""
ALONE = 10
"""Applications that are asked for alone, when their newest push is further back than that."""
ASSETS_OF = {
    PUSH: ASSET_PART,
    **{BUILD_DAGS[name]: one.asset for name, one in PLATFORMS.items()},
    DEPLOY_DAG: DEPLOYMENT_ASSET,
}
"""Names of the assets whose events the runs of a DAG make; any of Slipway's for the look at a commit."""
STATES = ("failed", "awaiting_input")
"""Of tasks that a status names."""


class Overview(Lookup):
    """The newest runs and events of every application."""

    def __init__(self, airflow: Airflow) -> None:
        super().__init__(airflow)
        self._lists: dict[str, Lines] = {}
        self._events: dict[str, Lines] = {}
        # Every push has a run of `push`: those say how far back the other lists are needed.
        self._read([PUSH], [], None)
        since = _needed_since(self._lists[PUSH])
        # Events, and the runs that follow, are there before a run has ended: so they are read after it.
        self._read(BUILD_DAGS.values(), [PUSH], since)
        self._read([DEPLOY_DAG], BUILD_DAGS.values(), since)
        self._read([], [DEPLOY_DAG], since)
        self._runs = {
            (dag_id, run["dag_run_id"]): run for dag_id, part in self._lists.items() for run in part.items
        }
        self._begun: dict[str, datetime] = {}
        for (_, run_id), run in self._runs.items():
            self._begun[run_id] = min(_moment(run), self._begun.get(run_id, _moment(run)))
        self._made = _by_run(event for part in self._events.values() for event in part.items)
        self._newest = _by_place(self._events[DEPLOY_DAG])
        self._tasks: dict[tuple[str, str], list[Json]] = {}

    def _read(self, runs: Collection[str], events: Collection[str], since: datetime | None) -> None:
        """Read the runs of some DAGs, and the events of some, at once."""
        listings = [
            *(runs_of(dag_id, no_dag(self.airflow.url, dag_id), since) for dag_id in runs),
            *(events_of(ASSETS_OF[dag_id], dag_id, since, _most(dag_id)) for dag_id in events),
        ]
        found = read_lists(self.airflow, listings)
        self._lists |= dict(zip(runs, found, strict=False))
        self._events |= dict(zip(events, found[len(runs) :], strict=True))

    @property
    def pushes(self) -> Iterator[PushRun]:
        """The pushes, newest first."""
        return push_runs(self._lists[PUSH].items)

    def read_tasks(self, ids: Iterable[str]) -> None:
        """Read the tasks that the statuses of these pushes name."""
        found = (self._runs.get((dag_id, one)) for one in ids for dag_id in self._lists)
        runs = [run for run in found if run and _names_tasks(run)]
        for start in range(0, len(runs), PAGE):
            some = {(run["dag_id"], run["dag_run_id"]) for run in runs[start : start + PAGE]}
            try:
                tasks = self.airflow.list_tasks(some, STATES)
            except AirflowError:  # by a login that may see some DAGs only: each run is asked for
                return
            self._tasks |= {run: [] for run in some}
            for task in tasks:
                if (run := (task["dag_id"], task["dag_run_id"])) in some:
                    self._tasks[run].append(task)

    def find_run(self, dag_id: str, run_id: str) -> Json | None:
        """Return one run, from the list when it reaches back far enough."""
        found = self._runs.get((dag_id, run_id))
        if found or self._lists[dag_id].reach(self._begun.get(run_id)):
            return found
        return super().find_run(dag_id, run_id)

    def events_of(self, run: Json) -> list[Json]:
        """Return the events that a run made, from the list when it reaches back far enough."""
        found = self._made.get((run["dag_id"], run["dag_run_id"]))
        if found or self._events[run["dag_id"]].reach(_moment(run)):
            return found or []
        return super().events_of(run)

    def tasks_of(self, run: Json, state: str) -> list[Json]:
        """Return the tasks of a run in this state."""
        found = self._tasks.get((run["dag_id"], run["dag_run_id"]))
        if found is None:
            return super().tasks_of(run, state)
        return in_order(task for task in found if task["state"] == state)

    def newest(self, deployment: Deployment) -> Deployment:
        """Return the last deployment to the same place."""
        return self._newest.get(place_of(deployment), deployment)


def _names_tasks(run: Json) -> bool:
    return run["state"] == "failed" or (run["dag_id"], run["state"]) == (DEPLOY_DAG, "running")


def _moment(run: Json) -> datetime:
    return datetime.fromisoformat(run["run_after"])


def _most(dag_id: str) -> int:
    """Return how many events are read: the look at a commit may make one for each platform."""
    return MOST * len(PLATFORMS) if dag_id == PUSH else MOST


def _needed_since(runs: Lines) -> datetime | None:
    """Return since when lists are read: a few applications may be older, and are asked for alone."""
    newest: dict[str, datetime] = {}
    for one in push_runs(runs.items):
        newest.setdefault(one.push.repository, _moment(one.run))
    oldest_first, since = sorted(newest.values()), None
    for since in oldest_first[: ALONE + 1]:
        if sum(_moment(run) >= since for run in runs.items) <= DEEP:
            break
    return since


def _by_run(events: Iterable[Json]) -> dict[tuple[str, str], list[Json]]:
    found = defaultdict[tuple[str, str], list[Json]](list)
    for event in events:
        found[event["source_dag_id"], event["source_run_id"]].append(event)
    return dict(found)


def _by_place(events: Lines) -> dict[DeployedTo, Deployment]:
    found: dict[DeployedTo, Deployment] = {}
    for event in events.items:
        if event.get("name") == DEPLOYMENT_ASSET:
            deployment = read(event, Deployment)
            found.setdefault(place_of(deployment), deployment)
    return found
