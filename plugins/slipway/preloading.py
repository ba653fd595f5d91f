"""Imports the modules of tasks once, in the process that tasks are forked from.

A task of Airflow's is a process of its own: forked from the scheduler's (LocalExecutor), it otherwise imports
Slipway and its libraries anew every time, which takes longer than most tasks' work. The same goes for the
processes that parse DAG files and run triggers.

https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/executor/local.html
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import time
from collections.abc import Iterable, Iterator

import slipway

NOT_IN_TASKS = ("slipway.cli", "slipway.webhook.migrations")
OTHERS = (
    # What DAG files import besides, and what is imported only where it is used: DAG files are read faster so.
    "airflow.providers.cncf.kubernetes.hooks.kubernetes",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.sdk.execution_time.task_runner",
    "openstack.connection",
)

log = logging.getLogger(__name__)


def preload() -> None:
    """Import what tasks may need; what cannot be imported is left to the task that needs it."""
    begun = time.monotonic()
    names = [*_modules(slipway.__path__, "slipway."), *OTHERS]
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            log.warning("%s cannot be imported, so it is not preloaded", name, exc_info=True)
    log.info("%d modules of tasks preloaded in %.1f s", len(names), time.monotonic() - begun)


def _modules(path: Iterable[str], prefix: str) -> Iterator[str]:
    for module in pkgutil.iter_modules(path, prefix):
        if module.name in NOT_IN_TASKS:
            continue
        yield module.name
        if module.ispkg:
            yield from _modules(importlib.import_module(module.name).__path__, f"{module.name}.")
