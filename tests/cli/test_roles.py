"""Each role may read what ``slipway status`` and ``slipway run`` ask for, of the DAGs that it sees."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from slipway.cli import main
from slipway.cli.roles import BY_ITSELF, DEPLOYING, READ, ROLES, Permission
from slipway.cli.starting import run_id_of
from slipway.flow.followed import Followed
from slipway.flow.platforms import PIPELINES
from slipway.flow.push_id import push_id
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import look, on_request, push, run, task
from tests.cli.test_demo import build_everywhere

OF = push("a")
NEEDED = (
    (r"/dags/([a-z_]+)$", ()),
    (r"/dags/([a-z_]+)/dagRuns(/[^/]+)?$", ("DAG Runs",)),
    (r"/dags/([a-z_]+|~)/dagRuns/[^/]+/taskInstances(/list)?$", ("DAG Runs", "Task Instances")),
    (r"/dags/([a-z_]+)/dagRuns/[^/]+/taskInstances/\w+/logs/\d+$", ("Task Logs",)),
    (r"/dags/([a-z_]+)/dagRuns/[^/]+/taskInstances/\w+/xcomEntries/return_value$", ("XComs",)),
    (r"/assets/events$", ("Assets",)),
)
"""What FAB's auth manager asks for: ``_MAP_DAG_ACCESS_ENTITY_TO_FAB_RESOURCE_TYPE`` of
airflow/providers/fab/auth_manager/fab_auth_manager.py, and the right to read the DAG."""


def permissions_for(asked: str) -> set[Permission]:
    path = urlsplit(asked.partition(" ")[2]).path.removeprefix("/api/v2")
    for pattern, resources in NEEDED:
        if found := re.fullmatch(pattern, path):
            of_dag = {f"DAG:{found[1]}"} if found.groups() and found[1] not in (None, "~") else set()
            return {(READ, name) for name in {*resources, *of_dag}}
    raise AssertionError(f"{asked}: which permission is that?")


def test_every_dag_is_of_a_kind() -> None:
    dags = {path.stem for path in (Path(__file__).parents[2] / "dags").glob("*.py")}
    assert dags == {*PIPELINES.values(), *DEPLOYING, *BY_ITSELF}


@pytest.mark.parametrize("role", ["SlipwayViewer", "SlipwayBuilder", "SlipwayStarter"])
def test_a_push_may_be_seen_and_followed(role: str, api: AirflowApi) -> None:
    api.add_run(look(push("b")), task("look", "success"))
    api.add_run(run("container_image", "failed", push("b")), task("build", "failed"))
    api.add_run(run("vm_image", "queued", push("b")))
    build_everywhere(api, OF, 60)
    conf = {"repository": OF.repository, "commit": OF.commit, "deploy": True}
    asked = api.add_run(on_request("success", "a key", conf), task("look", "success"))
    api.xcoms["push", run_id_of("a key"), "look"] = Followed(
        id=push_id(OF, 0), push=OF, deploy=True
    ).to_json()
    assert asked["dag_run_id"] == run_id_of("a key")
    api.logs["build"] = ["no such file"]
    command = ["run", "push", "--app", OF.repository, "--commit", OF.commit, "--idempotency-key", "a key"]
    for arguments in (["status"], ["status", "aaaaaaaa"], [*command, "--wait"]):
        assert main(arguments) == 0
    assert main(["status", "bbbbbbbb"]) == 1
    needed = {one for path in api.asked if "/auth/token" not in path for one in permissions_for(path)}
    assert {name for _, name in needed} >= {"DAG:push", "DAG:deploy", "XComs", "Assets", "Task Instances"}
    assert needed <= ROLES[role]
