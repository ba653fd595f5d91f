"""Called in a component of Airflow's when it starts: scheduler, DAG processor, triggerer.

https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/listeners.html
"""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Import what the processes need that are forked from it; a task's own process is called here, too."""
    if type(component).__module__ != "airflow.jobs.job":
        return
    from slipway import installation
    from slipway.preloading import preload

    if component.job_type == "SchedulerJob":
        installation.warn()
    preload()
