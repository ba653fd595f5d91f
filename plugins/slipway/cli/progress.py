"""How far one push is, by pipeline and task: decided from what Airflow's REST API says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slipway.flow.states import LIVING

Json = Mapping[str, Any]

_QUIET = ("waiting", "scheduled", "queued")
"""States of a task before it begins."""
_OVER = ("success", "skipped", "upstream failed", "removed")


@dataclass(frozen=True)
class Stage:
    """One pipeline's run for a push, as the REST API gives it; ``run`` is None before it exists."""

    dag_id: str
    run: Json | None = None
    tasks: Sequence[Json] = field(default_factory=tuple)
    title: str = ""
    """Tells two runs of one DAG apart."""

    @property
    def name(self) -> str:
        """What it is called in the table."""
        return self.title or self.dag_id

    @property
    def state(self) -> str:
        """The run's state; ``waiting`` before there is one."""
        return str(self.run["state"]) if self.run else "waiting"

    @property
    def failed_tasks(self) -> list[Json]:
        """The tasks whose own failure ended the run."""
        return [task for task in self.tasks if task["state"] == "failed"]


@dataclass(frozen=True)
class ProgressRow:
    """One line of the progress table."""

    pipeline: str
    task: str
    state: str
    seconds: float | None


def has_ended(stages: Sequence[Stage]) -> bool:
    """Say whether the push is through: a run failed, or all that there are to be ran to their end."""
    if any(stage.state == "failed" for stage in stages):
        return True
    return all(stage.run is not None and stage.state not in LIVING for stage in stages)


def rows(stages: Sequence[Stage], now: datetime) -> list[ProgressRow]:
    """Return the table's lines: every pipeline in order, below it its tasks in the order they started."""
    found = []
    for stage in stages:
        elapsed = _seconds(stage.run, now) if stage.run else None
        found.append(ProgressRow(stage.name, "", stage.state, elapsed))
        started = sorted(stage.tasks, key=_by_start)
        found += [
            ProgressRow(stage.name, task["task_id"], _state(task), _seconds(task, now)) for task in started
        ]
    return found


def changes(before: Sequence[ProgressRow], after: Sequence[ProgressRow]) -> list[ProgressRow]:
    """Return the lines of ``after`` whose state is another one than in ``before``."""
    known = {(row.pipeline, row.task): row.state for row in before}
    return [row for row in after if known.get((row.pipeline, row.task)) != row.state]


def current(lines: Sequence[ProgressRow]) -> list[ProgressRow]:
    """Return the lines of pipelines, and of tasks that are running or failed."""
    return [row for row in lines if not row.task or row.state not in (*_QUIET, *_OVER)]


def worth_a_line(lines: Sequence[ProgressRow]) -> list[ProgressRow]:
    """Return the lines of pipelines, and of tasks that have begun or ended."""
    return [row for row in lines if not row.task or row.state not in _QUIET]


def _by_start(task: Json) -> tuple[str, str]:
    return (task.get("start_date") or "~", task["task_id"])


def _state(task: Json) -> str:
    return str(task["state"] or "waiting").replace("_", " ")


def _seconds(timed: Json, now: datetime) -> float | None:
    if not timed.get("start_date"):
        return None
    start = datetime.fromisoformat(timed["start_date"])
    end = datetime.fromisoformat(timed["end_date"]) if timed.get("end_date") else now
    return max(0.0, (end - start).total_seconds())
