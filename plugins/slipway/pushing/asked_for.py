"""The operator of ``push`` that waits for the end of a push on request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from slipway.pipelines.task_endings import retried_if_worth_it
from slipway.pushing.triggers import PushTrigger
from slipway.webhook.sensors import server_url

LONGEST = timedelta(hours=36)
"""More than any build takes."""


class PushOutcomeOperator(BaseOperator):  # type: ignore[misc]
    """Waits, without a worker, until a push is over; fails when it did not come through.

    :param asked_for: id of the task that returned a :class:`slipway.flow.followed.Followed` as JSON.
    """

    ui_color = "#f5f0d0"

    def __init__(self, *, asked_for: str, **options: Any) -> None:
        super().__init__(**options)
        self.asked_for = asked_for

    def execute(self, context: Context) -> None:
        """Hand the waiting to the triggerer."""
        followed = context["ti"].xcom_pull(task_ids=self.asked_for)
        trigger = PushTrigger(url=server_url(), key=followed["id"])
        self.defer(trigger=trigger, method_name="resume", timeout=LONGEST)

    def resume(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return how the push ended.

        :raises AirflowFailException: naming what failed.
        """
        if error := event.get("error"):
            raise AirflowFailException(f"following the push failed: {error}")
        with retried_if_worth_it():
            from slipway.pipelines.push import conclude

            return conclude(context["ti"].xcom_pull(task_ids=self.asked_for))
