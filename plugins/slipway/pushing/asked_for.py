"""Operators of ``push``: a push on request, and waiting until it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from slipway.pipelines.task_endings import NothingToDo, retried_if_worth_it
from slipway.pushing.operators import PushOperator
from slipway.pushing.triggers import PushTrigger
from slipway.webhook.sensors import server_url

LONGEST = timedelta(hours=36)
"""More than any build takes."""


class PushAskedForOperator(PushOperator):
    """Pushes the commit that the run's form names; joins the push of that commit that is under way.

    Its XCom is a :class:`slipway.flow.followed.Followed` as JSON.
    """

    def execute(self, context: Context) -> None:
        """Register the push, unless there is one to join."""
        with retried_if_worth_it():
            from slipway.pipelines.push import begin

            run = context["dag_run"]
            followed = begin(context["params"], run)
            context["ti"].xcom_push(key="return_value", value=followed.to_json())
            if followed.joined:
                raise NothingToDo(f"{followed.push.partition_key} is already under way: following it")
        self.register(context, followed.push, run.dag_id, deploy=followed.deploy)


class PushOutcomeOperator(BaseOperator):  # type: ignore[misc]
    """Waits, without a worker, until all that a push starts has ended; fails when a part of it did.

    :param asked_for: task id of the :class:`PushAskedForOperator`.
    """

    ui_color = "#f5f0d0"

    def __init__(self, *, asked_for: str, **options: Any) -> None:
        super().__init__(**options)
        self.asked_for = asked_for

    def execute(self, context: Context) -> None:
        """Hand the waiting to the triggerer."""
        followed = context["ti"].xcom_pull(task_ids=self.asked_for)
        trigger = PushTrigger(url=server_url(), followed=followed)
        self.defer(trigger=trigger, method_name="resume", timeout=LONGEST)

    def resume(self, context: Context, event: Mapping[str, Any]) -> dict[str, str]:
        """Return how each run ended, by DAG.

        :raises AirflowFailException: naming what failed, or did not begin.
        """
        if error := event.get("error"):
            raise AirflowFailException(f"following the push failed: {error}")
        with retried_if_worth_it():
            from slipway.pipelines.push import conclude

            states: dict[str, str] = event["states"]
            conclude(context["ti"].xcom_pull(task_ids=self.asked_for), states)
            return states
