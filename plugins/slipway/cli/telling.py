"""The output of ``slipway run``: progress on stderr, the result on stdout."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console

from slipway.cli.answers import Json
from slipway.cli.api import Airflow
from slipway.cli.failure import task_failure
from slipway.cli.lookup import Lookup
from slipway.cli.progress import Stage, rows, worth_a_line
from slipway.cli.result import BuiltImage, Deployed, RunResult, StartedRun, TaskFailure
from slipway.cli.starting import Wish
from slipway.cli.tables import console, printable
from slipway.cli.watch import line_printer
from slipway.flow.deployment import Deployment
from slipway.flow.image import Built
from slipway.flow.platforms import Platform


class Telling:
    """The output about one wish."""

    def __init__(self, wish: Wish, key: str) -> None:
        self.wish, self.key = wish, key
        self.errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self.runs: list[StartedRun] = []
        self.images: dict[Platform, BuiltImage | None] = {}
        self.deployments: list[Deployed] = []
        self.failed: dict[tuple[str, str, str], TaskFailure] = {}
        self._asked: set[str] = set()

    @property
    def result(self) -> RunResult:
        """The result so far."""
        return RunResult(
            pipeline=self.wish.pipeline,
            idempotency_key=self.key,
            runs=tuple(self.runs),
            images=self.images,
            deployments=tuple(self.deployments),
            failed=tuple(self.failed.values()),
        )

    def started(self, url: str, run: Json, *, new: bool) -> None:
        """Print which run was started or found."""
        dag_id, run_id = run["dag_id"], run["dag_run_id"]
        address = f"{url}/dags/{dag_id}/runs/{run_id}"
        self.runs.append(StartedRun(dag_id=dag_id, run_id=run_id, url=address, state=run["state"]))
        what = "started" if new else "already started with this key"
        self.errors.print(f"{dag_id} {what}: {address}", markup=False)

    def follow(self, airflow: Airflow) -> Callable[[Sequence[Stage]], None]:
        """Return a function that prints changes of state, and the logs of failed tasks."""
        lines = line_printer(self.errors)

        def show(stages: Sequence[Stage]) -> None:
            lines(worth_a_line(rows(stages, datetime.now(UTC))))
            for stage in stages:
                self._look_for_pause(airflow, stage)
                for task in stage.failed_tasks:
                    self._fail(airflow, stage, task["task_id"], task["try_number"])

        return show

    def _fail(self, airflow: Airflow, stage: Stage, task_id: str, try_number: int) -> None:
        assert stage.run is not None  # it has tasks
        name = (stage.dag_id, stage.run["dag_run_id"], task_id)
        if name not in self.failed:
            text = task_failure(airflow, stage, task_id, try_number)
            self.errors.print(text, markup=False)
            self.failed[name] = TaskFailure(dag_id=stage.dag_id, task_id=task_id, log=text)

    def _look_for_pause(self, airflow: Airflow, stage: Stage) -> None:
        """Say once that a run waits for somebody to unpause its DAG."""
        if stage.state == "queued" and stage.name not in self._asked:
            self._asked.add(stage.name)
            if Lookup(airflow).is_paused(stage.dag_id):
                text = f"{stage.name} waits: DAG {stage.dag_id} is paused. Unpause it in Airflow's UI."
                self.errors.print(text, markup=False)

    def ended(self, state: str, builts: Iterable[Built], deployments: Iterable[Deployment]) -> None:
        """Record the result of the last run that was started."""
        self.runs[-1] = self.runs[-1].model_copy(update={"state": state})
        self.images |= {built.platform: BuiltImage.of(built) for built in builts}
        self.deployments += map(Deployed.of, deployments)

    def goes_on(self, why: str) -> None:
        """Say how to follow the run, which continues."""
        if not self.runs:
            self.errors.print(f"slipway: {why}; no run is known to have started", markup=False)
            return
        again = f"{self.wish.command} --wait --idempotency-key {shlex.quote(self.key)}"
        text = f"slipway: {why}; the run continues: {self.runs[-1].url}\nFollow it again with: {again}"
        self.errors.print(text, markup=False)

    def print(self, *, as_json: bool) -> None:
        """Print the result."""
        if as_json:
            print(json.dumps(self.result.to_json(), indent=2))
            return
        out = console()
        for platform, image in self.images.items():
            for number, line in enumerate(_in_words(image)):
                out.print(printable(f"{'' if number else platform:<12}{line}"), markup=False)
        for one in self.deployments:
            out.print(printable(f"{one.platform:<12}{one.where} ({one.environment}) {one.url}"), markup=False)


def _in_words(image: BuiltImage | None) -> list[str]:
    """Return lines that fit a terminal: a digest fills most of one."""
    if image is None:
        return ["nothing declared"]
    glance = [f"glance {image.glance}"] if image.glance else []
    return [image.digest, image.reference.partition("@")[0], *glance]
