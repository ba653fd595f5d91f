"""The order in which a release goes to its platforms, when its ``slipway.yaml`` gives one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.standard.triggers.external_task import WorkflowTrigger
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

log = logging.getLogger(__name__)

ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")
POLL_SECONDS = 3.0


def earlier(order: Sequence[str], platform: str, plans: Mapping[str, Any]) -> list[str]:
    """Return the platforms of a release that ``platform`` comes after; all others go at the same time."""
    if platform not in order:
        return []
    return [name for name in order[: order.index(platform)] if plans.get(name)]


def waiting(context: Context, tasks: Mapping[str, str]) -> WorkflowTrigger | None:
    """Return what fires when rollouts have ended that are not over; None when all of them are healthy.

    :param tasks: their ids, by platform.
    :raises AirflowSkipException: when one of them did not become healthy.
    """
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(tasks.values()), run_ids=[ti.run_id])[
        ti.run_id
    ]
    for platform, task in tasks.items():
        state = states.get(task)
        if state in ENDED and state != "success":
            reason = f"not started: {platform}, which comes first, is {state}"
            log.info("%s", reason)  # Airflow itself logs only that a task is skipped
            raise AirflowSkipException(reason)
    going = [task for task in tasks.values() if states.get(task) != "success"]
    if not going:
        return None
    return WorkflowTrigger(
        external_dag_id=ti.dag_id,
        run_ids=[ti.run_id],
        external_task_ids=going,
        allowed_states=list(ENDED),
        poke_interval=POLL_SECONDS,
    )
