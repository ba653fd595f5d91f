"""A pipeline without Airflow: the functions of its DAG's own tasks, called in their order in this process.

What a step refuses, and in which words, is no matter of Airflow's: a run of Airflow's takes a second of a
core for each task. That a refused task ends as failed, and what comes after it as ``upstream_failed``, one
real run of each pipeline shows.
"""

from __future__ import annotations

import importlib.util
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DownstreamTasksSkipped
from airflow.sdk.execution_time.context import set_current_context

from lab.access import Lab
from lab.airflow.connections import connections
from lab.debian import image_mirrors
from lab.paths import this_checkout
from slipway.flow.image import Built, Image
from slipway.flow.push import PushEvent

CHECKOUT = this_checkout().checkout


@dataclass
class Ended:
    """What came of a pipeline."""

    run_id: str
    states: dict[str, str] = field(default_factory=dict)
    """Of each task that was called or skipped."""
    results: dict[str, Any] = field(default_factory=dict)
    refused: str = ""
    """What the task that failed said: final, for a task that raises this is not tried again."""


class Kept:
    """What stands for a task instance: it keeps what the task pushes."""

    log_url = "http://127.0.0.1/in-process"

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def call(dag_id: str, only: Collection[str] = (), **params: Any) -> Ended:
    """Call a pipeline's tasks until one refuses; the environment is that of :func:`as_on_worker`.

    :param only: ids of the tasks that are called; all when it is empty.
    :param params: of the form, as a person fills it in.
    :raises Exception: what Airflow would try again.
    """
    dag = _dag(dag_id)
    about = _context({**dag.params.dump(), **params})
    ended = Ended(about["run_id"])
    for task in dag.task_group.topological_sort():
        if task.task_id in ended.states or (only and task.task_id not in only):
            continue
        given = Kept()
        with set_current_context({**about, "task": task, "ti": given}):
            try:
                ended.results[task.task_id] = task.python_callable(*_arguments(task, ended))
                ended.states[task.task_id] = "success"
            except DownstreamTasksSkipped as skipping:
                ended.results[task.task_id] = given.pushed["return_value"]
                ended.states |= {task.task_id: "success", **dict.fromkeys(skipping.tasks, "skipped")}
            except AirflowSkipException:
                ended.states[task.task_id] = "skipped"
            except AirflowFailException as error:
                ended.states[task.task_id], ended.refused = "failed", str(error)
                return ended
    return ended


def build_container(lab: Lab, push: PushEvent) -> Image:
    """Have a commit's container image built and recorded, for a test of what comes after it."""
    with as_on_worker(lab):
        ended = call("container_image", repository=push.repository, ref=push.ref, commit=push.commit)
    image = Built.from_json(ended.results["publish"]).image if "publish" in ended.results else None
    assert image is not None, ended.refused
    return image


def _arguments(task: Any, ended: Ended) -> list[Any]:
    """Return what the tasks before it have returned."""
    return [ended.results.get(one.operator.task_id) for one in task.op_args]


def _context(params: Mapping[str, Any]) -> dict[str, Any]:
    run_id = f"in-process__{secrets.token_hex(8)}"
    run = SimpleNamespace(
        run_id=run_id, start_date=datetime.now(UTC), partition_key=None, triggering_user_name=None
    )
    return {
        "dag_run": run,
        "inlet_events": defaultdict(tuple),
        "outlet_events": defaultdict(lambda: SimpleNamespace(extra={})),
        "params": params,
        "run_id": run_id,
        "triggering_asset_events": {},
    }


@cache
def _dag(dag_id: str) -> DAG:
    spec = importlib.util.spec_from_file_location(f"in_process_{dag_id}", CHECKOUT / f"dags/{dag_id}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: DAG = module.dag
    return found


@contextmanager
def as_on_worker(lab: Lab) -> Iterator[None]:
    """Have the environment that the lab's tasks have: connections, folders, mirrors."""
    with pytest.MonkeyPatch.context() as patch:
        known = {
            **connections(lab.variables),
            **image_mirrors(),
            "DOCKER_HOST": lab.docker_host,
            "SLIPWAY_APPS_FILE": str(CHECKOUT / "lab" / "apps.yaml"),
            "SLIPWAY_WORK_DIR": str(lab.state / "airflow" / "slipway"),
        }
        for name, value in known.items():
            patch.setenv(name, value)
        yield
