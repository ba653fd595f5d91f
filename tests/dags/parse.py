"""Run apart: reads a folder of DAG files as Airflow's DAG processor does, and notes what reading touched.

Prints JSON. While the files are read, sockets cannot be made, and every file that is opened outside of
Python's own folders, Airflow's home and the two folders of code is noted, as is every process started; one
file excepted, ``apps.yaml`` (``SLIPWAY_APPS_FILE``), which the forms take their choices from.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.dag_edges import dag_edges

JOINT = re.compile(r"\.(up|down)stream_join_id$")
"""Of a group, where lines meet."""
CHECKOUT = Path(__file__).resolve().parents[2]
CODE = (
    sys.prefix,
    sys.base_prefix,
    str(CHECKOUT / "dags"),
    str(CHECKOUT / "plugins"),
    os.environ["AIRFLOW_HOME"],
)
APPS = os.path.realpath(os.environ["SLIPWAY_APPS_FILE"])
HEAVY = ("docker", "kubernetes", "slipway.docker", "slipway.github", "slipway.artifactory", "slipway.cli")
"""What only a running task needs."""


def main(folder: Path) -> None:
    touched: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if not path.startswith((*CODE, str(folder))) and path not in (os.devnull, APPS):
                touched.append(f"open {path}")
        elif event in ("subprocess.Popen", "os.system", "os.exec", "sqlite3.connect"):
            touched.append(f"{event} {arguments[0]}")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was made while a DAG file was read")

    before = set(sys.modules)
    socket.socket.__init__ = refuse
    socket.create_connection = socket.getaddrinfo = refuse
    sys.addaudithook(note)
    bag = DagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    after = set(sys.modules) - before
    report = {
        "errors": bag.import_errors,
        "touched": list(touched),
        "heavy": sorted(name for name in HEAVY if name in after),
        "dags": {dag_id: _about(dag) for dag_id, dag in bag.dags.items()},
    }
    print(json.dumps(report))


def _about(dag: Any) -> dict[str, Any]:
    dag.validate()
    dag.params.validate()
    return {
        "file": Path(dag.fileloc).name,
        "doc": dag.doc_md or "",
        "name": dag.dag_display_name,
        "description": dag.description or "",
        "tags": sorted(dag.tags),
        "owners": sorted({task.owner for task in dag.tasks}),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "schedule": type(dag.timetable).__name__,
        "deadline": _seconds(dag.deadline),
        "priorities": {task.task_id: _weight(dag, task) for task in dag.tasks},
        "retries": {task.task_id: task.retries for task in dag.tasks},
        "task_docs": {task.task_id: task.doc_md or "" for task in dag.tasks},
        "upstream": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
        "outlets": {task.task_id: [_outlet(outlet) for outlet in task.outlets] for task in dag.tasks},
        "drawn": _drawn(dag),
        "groups": {
            name: sorted(group.children)
            for name, group in dag.task_group.get_task_group_dict().items()
            if name
        },
        "lines": _lines(dag),
        "params": {name: _param(dag.params.get_param(name)) for name in dag.params},
    }


def _weight(dag: Any, task: Any) -> int:
    """Return the weight by which waiting tasks are ordered: with it, Airflow counts all that comes after."""
    after = [dag.get_task(name) for name in task.get_flat_relative_ids(upstream=False)]
    return sum(one.priority_weight for one in (task, *after))


def _seconds(alerts: Any) -> list[Any]:
    every = alerts if isinstance(alerts, list) else [alerts] if alerts else []
    return [alert.interval for alert in every]


def _drawn(dag: Any) -> list[str]:
    """Return tasks, group by group, in the order that the UI draws them in, or the reason why it cannot."""
    try:
        return _tasks(_serialized(dag).task_group)
    except ValueError as error:
        return [str(error)]


def _tasks(group: Any) -> list[str]:
    return [
        task
        for node in group.topological_sort()
        for task in (_tasks(node) if hasattr(node, "children") else [node.node_id])
    ]


def _lines(dag: Any) -> list[list[str]]:
    """Return the lines that the UI draws: between tasks, groups, and a group and its own tasks."""
    edges = dag_edges(_serialized(dag))
    return sorted([JOINT.sub("", edge["source_id"]), JOINT.sub("", edge["target_id"])] for edge in edges)


def _serialized(dag: Any) -> Any:
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def _outlet(outlet: Any) -> str:
    """An asset's URI, or an alias's name."""
    return str(getattr(outlet, "uri", outlet.name))


def _param(param: Any) -> dict[str, Any]:
    return {"schema": param.schema, "default": param.value, "description": param.description}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
