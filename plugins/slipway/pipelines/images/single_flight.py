"""Waits, without a worker, while another run builds the same image."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from slipway.apiserver.client import ask_to_build
from slipway.flow.image_place import ImagePlace
from slipway.flow.record import Digest
from slipway.flow.single_flight import BuildClaim, Builder

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
ASK_AGAIN = timedelta(minutes=10)
"""So long one waits at most for a run that somebody deleted: no state of it is ever seen."""

ClaimBuild = Callable[[ImagePlace, Digest], None]
"""Returns when the image of these inputs is the caller's to build."""


def claim_of(context: Any) -> ClaimBuild:
    """Return how a task claims an image for its run; the task has to be ``resumable``.

    :param context: the task's.
    """
    mine = Builder(dag_id=context["task"].dag_id, run_id=context["run_id"])
    return lambda place, inputs: _claim(BuildClaim(place=str(place), inputs=inputs, mine=mine))


def _claim(asked: BuildClaim) -> None:
    """ClaimBuild an image.

    :raises TaskDeferred: while another run builds it.
    :raises TransientError: when the API server does not answer.
    """
    from airflow.providers.standard.triggers.external_task import DagStateTrigger
    from airflow.sdk import DagRunState
    from airflow.sdk.exceptions import TaskDeferred

    builder = ask_to_build(asked).builder
    if builder == asked.mine:
        return
    log.info("run %s of %s builds this image: waiting for it", builder.run_id, builder.dag_id)
    raise TaskDeferred(
        trigger=DagStateTrigger(
            dag_id=builder.dag_id,
            run_ids=[builder.run_id],
            states=[DagRunState.SUCCESS, DagRunState.FAILED],
            poll_interval=LOOK_SECONDS,
        ),
        method_name="execute",
        timeout=ASK_AGAIN,
    )
