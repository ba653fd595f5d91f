"""What Airflow's database says of pushes and of the runs that they started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.platforms import PIPELINES
from tests.pushes.repositories import CommittedPush

DAGS = (PUSH, *PIPELINES.values(), DEPLOY)
ROWS = (
    "SELECT id, repository || '@' || commit_id AS key, ref, source, state, outcome, reason FROM slipway_push"
)
RUNS = "SELECT dag_id, run_id, partition_key AS key, state FROM dag_run WHERE dag_id = ANY(:dags)"
RUNNING = "SELECT count(*) FROM task_instance WHERE state = 'running' AND dag_id = ANY(:dags)"
TRIED_AGAIN = "SELECT count(*) FROM task_instance WHERE try_number > 1 AND dag_id = ANY(:dags)"


@dataclass(frozen=True)
class PushRow:
    """A push that is recorded."""

    id: str
    key: str
    ref: str
    source: str
    state: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class StartedRun:
    """A run that a push started."""

    dag_id: str
    run_id: str
    key: str
    state: str


@dataclass(frozen=True)
class Records:
    """All of it at one moment."""

    rows: Sequence[PushRow]
    runs: Sequence[StartedRun]
    at_work: int
    """Tasks that run."""
    tried_again: int
    """Tasks that ran more than once."""

    @classmethod
    def read(cls, engine: Engine) -> Records:
        """Ask the database."""
        dags = {"dags": list(DAGS)}
        with engine.connect() as connection:
            return cls(
                [PushRow(**row) for row in connection.execute(text(ROWS)).mappings()],
                [StartedRun(**row) for row in connection.execute(text(RUNS), dags).mappings()],
                connection.scalar(text(RUNNING), dags) or 0,
                connection.scalar(text(TRIED_AGAIN), dags) or 0,
            )

    @property
    def keys(self) -> set[str]:
        """The pushes that are recorded."""
        return {row.key for row in self.rows}

    @property
    def by_sweep(self) -> set[str]:
        """The pushes that ``reconcile_pushes`` reported."""
        return {row.key for row in self.rows if row.source == "sweep"}

    def are_over(self, pushes: Iterable[CommittedPush]) -> bool:
        """Say whether these are recorded and over, and so are all runs."""
        over = {row.key for row in self.rows if row.state == "over"}
        ended = all(run.state in ("success", "failed") for run in self.runs)
        return ended and all(push.partition_key in over for push in pushes)

    def summary(self) -> str:
        """Return how many are how far, in one line."""
        states = Counter(row.state for row in self.rows)
        runs = Counter(run.state for run in self.runs)
        said = [f"{number} {state}" for state, number in sorted(states.items())]
        return f"{len(self.rows)} rows ({', '.join(said)}), runs: {dict(sorted(runs.items()))}"

    def found(self) -> Counter[tuple[str, str]]:
        """Return how often a push is there: as a row, and as a run of each DAG."""
        return Counter([("row", row.key) for row in self.rows] + [(run.dag_id, run.key) for run in self.runs])

    def not_as_wanted(self, pushes: Iterable[CommittedPush]) -> Iterator[str]:
        """Yield a line for each push or run that is not the one of its push, or has not ended well."""
        keys = {row.id: row.key for row in self.rows}
        refs = {push.partition_key: push.ref for push in pushes}
        for row in self.rows:
            if row.outcome != "deployed" or refs.get(row.key) != row.ref:
                yield f"{row.id} of {row.ref}: {row.state} {row.outcome} {row.reason}"
        for run in self.runs:
            if keys.get(run.run_id) != run.key or run.state != "success":
                yield f"{run.dag_id} {run.run_id} of {run.key}: {run.state}"


def expected(pushes: Iterable[CommittedPush]) -> Counter[tuple[str, str]]:
    """Return what is to be found of pushes: one row of each, and one run of each DAG that it starts."""
    return Counter(
        (what, push.partition_key) for push in pushes for what in ("row", PUSH, DEPLOY, *push.pipelines)
    )
