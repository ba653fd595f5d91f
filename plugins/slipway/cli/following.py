"""Follows a run, and those that it starts, until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from slipway.cli.answers import AirflowError, AwayError, Json, ServerError
from slipway.cli.api import Airflow
from slipway.cli.lookup import by_platform
from slipway.cli.progress import Stage
from slipway.cli.query import handed_on
from slipway.cli.starting import ROLLBACK
from slipway.cli.status import DEPLOY_DAG
from slipway.flow.deployment import Deployment
from slipway.flow.followed import ENDED, PUSH, Followed
from slipway.flow.image import Built
from slipway.flow.platforms import PIPELINES
from slipway.flow.push_id import is_push_id

LOOK_TASK = "look"
POLL_SECONDS = 1.0
AWAY_SECONDS = 300.0
"""How long Airflow may be silent while a run is followed."""


@dataclass
class RunFollower:
    """One run, and what it starts: of ``push`` the push's own runs, of ``rollback`` the deployment."""

    airflow: Airflow
    dag_id: str
    run_id: str
    _push: Followed | None = field(default=None, init=False)

    def look(self) -> list[Stage]:
        """Return its run, and the others, as they are now.

        :raises AirflowError: when the run is gone.
        """
        run = self.airflow.find_run(self.dag_id, self.run_id)
        if run is None:
            raise AirflowError(f"run {self.run_id} of {self.dag_id} no longer exists: was it deleted?")
        return [self._stage(run), *self._started()]

    def wait(self, until: float, show: Callable[[Sequence[Stage]], None]) -> list[Stage]:
        """Look until the run has ended or ``until`` (of the monotonic clock) has come.

        :raises AirflowError: when Airflow was silent for too long.
        """
        answered = time.monotonic()
        stages: list[Stage] = []
        while True:
            try:
                stages = self.look()
                answered = time.monotonic()
                show(stages)
            except (AwayError, ServerError):
                if time.monotonic() - answered > AWAY_SECONDS:
                    raise
            if (stages and stages[0].state in ENDED) or time.monotonic() > until:
                return stages
            time.sleep(POLL_SECONDS)

    def _stage(self, run: Json, title: str = "") -> Stage:
        return Stage(run["dag_id"], run, self.airflow.get_tasks(run["dag_id"], run["dag_run_id"]), title)

    def _started(self) -> Iterator[Stage]:
        if self.dag_id == ROLLBACK:
            run = self.airflow.find_run(DEPLOY_DAG, f"rollback__{self.run_id}")
            yield from [self._stage(run)] if run else []
        elif self.dag_id == PUSH and (followed := self._followed()) is not None:
            titles = {PUSH: f"{PUSH} of {followed.push.short_commit}"}  # beside the run that asks for it
            for dag_id in (PUSH, *PIPELINES.values(), DEPLOY_DAG):
                if run := self.airflow.find_run(dag_id, followed.id):
                    yield self._stage(run, titles.get(dag_id, ""))

    def _followed(self) -> Followed | None:
        if self._push is None and (told := self.airflow.find_xcom(PUSH, self.run_id, LOOK_TASK)) is not None:
            self._push = Followed.from_json(told)
        return self._push


def results(airflow: Airflow, stages: Sequence[Stage]) -> tuple[list[Built], list[Deployment]]:
    """Return what ended runs handed on: images, and deployments.

    The look at a push's commit hands on the images that need no build.
    """
    builts: list[Built] = []
    deployments: list[Deployment] = []
    for run in (dict(stage.run) for stage in stages if stage.run is not None):
        if run["dag_id"] == DEPLOY_DAG:
            deployments += by_platform(handed_on(airflow, run, Deployment)).values()
        elif run["dag_id"] in PIPELINES.values() or is_push_id(run["dag_run_id"]):
            builts += by_platform(handed_on(airflow, run, Built)).values()
    return builts, deployments
