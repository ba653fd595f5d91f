"""A run of another DAG that a task starts and waits for."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.triggers.external_task import DagStateTrigger

from slipway.flow.states import LIVING

WORTH_WAITING_FOR = (*LIVING, "success")


class StartRunOperator(TriggerDagRunOperator):  # type: ignore[misc]
    """Starts a run of a derived id once, and waits for it without a slot.

    A try after a worker's death waits for the run that the first one started, where Airflow's own operator
    starts it anew or fails. A run that has failed is started again: a person who clears this task wants that.

    https://airflow.apache.org/docs/apache-airflow-providers-standard/stable/operators/trigger_dag_run.html
    """

    def __init__(self, *, trigger_run_id: str, **settings: Any) -> None:
        super().__init__(
            trigger_run_id=trigger_run_id,
            reset_dag_run=True,
            wait_for_completion=True,
            deferrable=True,
            fail_when_dag_is_paused=True,
            **settings,
        )

    def execute(self, context: Any) -> None:
        """Start the run unless it is there.

        :raises TaskDeferred: to wait for a run that is there.
        :raises DagRunTriggerException: to start it.
        :raises DagIsPaused: when its DAG is paused.
        """
        run = {"dag_id": self.trigger_dag_id, "run_ids": [self.trigger_run_id]}
        if context["ti"].get_dr_count(**run, states=list(WORTH_WAITING_FOR)):
            self.log.info(
                "waiting for run %s of %s, which already exists", self.trigger_run_id, self.trigger_dag_id
            )
            states = [*self.allowed_states, *self.failed_states]
            trigger = DagStateTrigger(**run, states=states, poll_interval=self.poke_interval)
            self.defer(trigger=trigger, method_name="execute_complete")
        super().execute(context)
