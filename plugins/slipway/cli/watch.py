"""Follows one push through the pipelines, and shows it while it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table

from slipway.cli.api import Airflow
from slipway.cli.progress import ProgressRow, Stage, changes, current, has_ended, rows, worth_a_line
from slipway.cli.query import find_run
from slipway.cli.status import BUILD_DAGS, DEPLOY_DAG
from slipway.flow.followed import PUSH
from slipway.flow.states import LIVING

_POLL_SECONDS = 0.5
_STYLES = {"success": "green", "failed": "red", "running": "yellow", "deferred": "yellow"}


def get_stages(airflow: Airflow, key: str) -> list[Stage]:
    """Return the runs, with their tasks, of the newest push with this partition key.

    What a run starts is there before that run ends: when all have ended, none is to come. So they are asked
    for in this order.
    """
    if (look := find_run(airflow, PUSH, key)) is None:
        return [Stage(PUSH)]
    runs = [look]
    for dag_id in (*BUILD_DAGS.values(), DEPLOY_DAG):
        runs += [run] if (run := airflow.find_run(dag_id, look["dag_run_id"])) else []
    found = [Stage(run["dag_id"], run, airflow.get_tasks(run["dag_id"], run["dag_run_id"])) for run in runs]
    if found[-1].dag_id != DEPLOY_DAG and any(stage.state in LIVING for stage in found):
        found.append(Stage(DEPLOY_DAG))
    return found


def follow(airflow: Airflow, key: str, seconds: float, out: Console) -> list[Stage]:
    """Show the push until it is through or ``seconds`` have passed; returns its stages then."""
    if not out.is_terminal or out.is_dumb_terminal:
        show_lines = line_printer(out)
        return _poll(airflow, key, seconds, lambda now: show_lines(worth_a_line(now)))
    with Live(console=out, refresh_per_second=8) as live:
        # The running tasks fit any terminal; all tasks of all pipelines do not.
        stages = _poll(airflow, key, seconds, lambda now: live.update(table(current(now))))
        live.update(table(rows(stages, datetime.now(UTC))))
    return stages


def _poll(
    airflow: Airflow, key: str, seconds: float, show: Callable[[list[ProgressRow]], None]
) -> list[Stage]:
    deadline = time.monotonic() + seconds
    while True:
        stages = get_stages(airflow, key)
        show(rows(stages, datetime.now(UTC)))
        if has_ended(stages) or time.monotonic() > deadline:
            return stages
        time.sleep(_POLL_SECONDS)


def line_printer(out: Console) -> Callable[[list[ProgressRow]], None]:
    """Return what prints a line for each pipeline or task whose state is another one than before."""
    before: list[ProgressRow] = []

    def show(now: list[ProgressRow]) -> None:
        for row in changes(before, now):
            out.print(f"  {_name(row):<34} {row.state:<12} {_elapsed(row)}".rstrip())
        before[:] = now

    return show


def table(lines: Sequence[ProgressRow]) -> Table:
    """Return the live table: pipelines, their tasks, states and times."""
    shown = Table("pipeline", "task", "state", "elapsed")
    for row in lines:
        style = _STYLES.get(row.state, "dim" if row.state == "waiting" else "")
        pipeline = "" if row.task else f"[bold]{row.pipeline}[/]"
        shown.add_row(pipeline, row.task, f"[{style}]{row.state}[/]" if style else row.state, _elapsed(row))
    return shown


def _name(row: ProgressRow) -> str:
    return f"{row.pipeline} / {row.task}" if row.task else row.pipeline


def _elapsed(row: ProgressRow) -> str:
    return "" if row.seconds is None else f"{row.seconds:.1f} s"
