"""Called by the scheduler when a run has begun or ended, and by the API server when a person ends one.

Its plugin is imported by every component of Airflow, tasks too: what is needed is imported at the first run's
start. What is raised here Airflow logs, and goes on.

https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/listeners.html
"""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl


@hookimpl  # type: ignore[untyped-decorator]
def on_dag_run_running(dag_run: Any) -> None:
    """Note for whom the run is."""
    from slipway.flow.ended import KINDS

    if dag_run.dag_id in KINDS:
        from slipway.listeners import outcome

        outcome.begin(dag_run)


@hookimpl  # type: ignore[untyped-decorator]
def on_dag_run_success(dag_run: Any) -> None:
    """Note the run's outcome; report it when it ends a failure."""
    _ended(dag_run, good=True)


@hookimpl  # type: ignore[untyped-decorator]
def on_dag_run_failed(dag_run: Any) -> None:
    """Note why the run failed, and tell of it."""
    _ended(dag_run, good=False)


def _ended(dag_run: Any, *, good: bool) -> None:
    from slipway.flow.ended import KINDS

    if dag_run.dag_id in KINDS:
        from slipway.listeners import outcome

        outcome.take(dag_run, good=good)
