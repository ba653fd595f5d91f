"""Called in a task's own process: when it starts, and when it has failed.

https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/listeners.html
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl


@hookimpl  # type: ignore[untyped-decorator]
def on_task_instance_running(task_instance: Any) -> None:
    """Keep the last lines of what a task of ours logs."""
    if _is_told(task_instance):
        from slipway.listeners.account import LastLines

        logging.getLogger().addHandler(LastLines())


@hookimpl  # type: ignore[untyped-decorator]
def on_task_instance_failed(task_instance: Any, error: Any) -> None:
    """Leave word of why it failed."""
    if not _is_told(task_instance):
        return
    from slipway.listeners.account import KEY, LastLines, account_of

    kept = [one for one in logging.getLogger().handlers if isinstance(one, LastLines)]
    # Called in the API server too, when a person fails a task there. It holds the task's row meanwhile: what
    # is written in another transaction would wait for it for ever.
    if kept:
        task_instance.xcom_push(key=KEY, value=account_of(error, kept[0].lines).to_json())


def _is_told(task_instance: Any) -> bool:
    from slipway.flow.ended import KINDS

    return task_instance.dag_id in KINDS
