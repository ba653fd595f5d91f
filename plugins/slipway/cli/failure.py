"""Says why a push did not get through: the task that failed, what it logged last, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from slipway.cli.answers import AirflowError
from slipway.cli.api import Airflow
from slipway.cli.progress import Stage
from slipway.cli.status import PlatformStatus
from slipway.cli.tables import printable

_LOG_LINES = 25
_CURE = "Fix what it names and push again; `make lab-status` shows whether every server is up."


def explain(
    airflow: Airflow, stages: Sequence[Stage], platform: str, status: PlatformStatus, seconds: float
) -> str:
    """Return why ``platform`` does not run the push, several lines."""
    if not any(stage.run for stage in stages):
        return (
            "the push started no pipeline. What the webhook answered stands above (`remote:`); "
            "docs/webhook.md says what each answer means. If it says 202, see `make lab-status` and the "
            f"scheduler's log, and {airflow.url} for DAGs that are paused or have import errors."
        )
    failed = [(stage, task) for stage in stages for task in stage.failed_tasks]
    if failed:
        told = [task_failure(airflow, stage, task["task_id"], task["try_number"]) for stage, task in failed]
        return "\n".join([*told, _CURE])
    if any(stage.state in ("queued", "running", "waiting") for stage in stages):
        states = ", ".join(f"{stage.dag_id} is {stage.state}" for stage in stages)
        why = f" ({status.detail})" if status.detail else ""
        return f"not through after {seconds:.0f} s: {states}{why}. Follow it with `slipway status --watch`."
    why = status.detail or "its deployment names no URL"
    return f"{platform} is {status.state}: {why}. See {airflow.url}."


def task_failure(airflow: Airflow, stage: Stage, task_id: str, try_number: int) -> str:
    """Return what a failed task logged last, and where the rest is, several lines."""
    assert stage.run is not None  # it has tasks
    run_id = stage.run["dag_run_id"]
    try:
        lines = log_lines(airflow.get_log(stage.dag_id, run_id, task_id, try_number))
    except AirflowError as error:
        lines = [f"(its log cannot be read: {error})"]
    said = "\n".join(f"    {printable(line)}" for line in lines[-_LOG_LINES:]) or "    (nothing)"
    return (
        f"task {stage.dag_id} / {task_id} failed (try {try_number}). Its log ended with:\n{said}\n"
        f"The whole log: {airflow.url}/dags/{stage.dag_id}/runs/{run_id}/tasks/{task_id}"
    )


def log_lines(content: Iterable[Any]) -> list[str]:
    """Return what a person reads of a task's log: its messages, and the exceptions that ended it.

    :param content: as Airflow's log route gives it: structured messages, or plain lines.
    """
    lines: list[str] = []
    in_source_details = False
    for entry in content:
        message: dict[str, Any] = entry if isinstance(entry, dict) else {"event": str(entry)}
        event = str(message.get("event", ""))
        in_source_details |= event == "::group::Log message source details"
        if not event.startswith("::") and not in_source_details:
            lines += event.splitlines()
        in_source_details &= event != "::endgroup::"
        for error in message.get("error_detail") or ():
            lines += f"{error.get('exc_type')}: {error.get('exc_value')}".splitlines()
    return lines
