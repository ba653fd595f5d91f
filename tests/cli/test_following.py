"""A push that is asked for: its own run and the push's are followed; what they handed on is the result."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from slipway.cli import following, main
from slipway.cli.api import Airflow
from slipway.cli.following import RunFollower
from slipway.cli.progress import Stage
from slipway.cli.starting import run_id_of
from slipway.flow.followed import Followed
from slipway.flow.push_id import push_id
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import START, built, deployment, look, on_request, push, run, task

KEY = "a key"
OF = push("a")
CONF = {"repository": OF.repository, "commit": OF.commit, "deploy": True}
COMMAND = ["run", "push", "--app", OF.repository, "--commit", OF.commit, "--idempotency-key", KEY]


@pytest.fixture
def airflow(api: AirflowApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)
    with Airflow(api.login) as client:
        yield client


@pytest.fixture
def asked(api: AirflowApi) -> dict[str, Any]:
    """The run that a person started: its look reported the push, and its outcome waits for the end."""
    tasks = (task("look", "success", 1, 2), task("outcome", "deferred", 3))
    started = api.add_run(on_request("running", KEY, CONF), *tasks)
    name = ("push", started["dag_run_id"], "look")
    api.xcoms[name] = Followed(id=push_id(OF, 0), push=OF, deploy=True).to_json()
    return started


def reuse_and_deploy(api: AirflowApi) -> None:
    """The image was there before, two platforms have nothing, and the release is deployed."""
    looked = api.add_run(look(OF), task("look", "success", 1, 2))
    for platform in ("vm", "bare_metal"):
        api.add_event(looked, f"slipway_{platform}_image", built(OF, platform=platform, image=None))
    api.add_event(looked, "slipway_container_image", built(OF, reused=True))
    deploy = api.add_run(run("deploy", "success", OF, 5), task("release", "success", 3, 4))
    api.add_event(deploy, "slipway_deployment", deployment(OF))


def test_the_runs_of_the_push_are_those_with_its_id(
    api: AirflowApi, airflow: Airflow, asked: dict[str, Any]
) -> None:
    follower = RunFollower(airflow, "push", asked["dag_run_id"])
    assert [stage.name for stage in follower.look()] == ["push"]
    reuse_and_deploy(api)
    api.add_run(run("vm_image", "failed", OF, number=1))  # of another push of the commit
    stages = follower.look()
    assert [(stage.name, stage.state) for stage in stages] == [
        ("push", "running"),
        ("push of aaaaaaaaaaaa", "success"),
        ("deploy", "success"),
    ]


def test_the_result_has_images_that_need_no_build(
    api: AirflowApi, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    reuse_and_deploy(api)
    asked |= {"state": "success"}
    assert main([*COMMAND, "--wait", "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert (result["images"]["vm"], result["images"]["bare_metal"]) == (None, None)
    assert result["images"]["container"]["reused"] is True
    assert [one["where"] for one in result["deployments"]] == ["demo/deployment/hello"]
    assert "push of aaaaaaaaaaaa / look" in printed.err


def test_an_image_that_was_built_is_its_pipelines(
    api: AirflowApi, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    looked = api.add_run(look(OF))
    api.add_event(looked, "slipway_vm_image", built(OF, platform="vm", image=None))
    build = api.add_run(run("container_image", "success", OF))
    for reused in (False, True):  # the run was cleared: the second time it found the image
        moment = (START + timedelta(seconds=reused)).isoformat()
        api.add_event(build, "slipway_container_image", built(OF, reused=reused), moment)
    asked |= {"state": "success"}
    assert main([*COMMAND, "--wait", "--json"]) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert images["container"]["reused"] is True
    assert images["vm"] is None


def test_two_runs_of_push_are_not_taken_for_each_other(
    api: AirflowApi, airflow: Airflow, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    api.add_run(look(OF, "running"), task("look", "running", 1))
    assert main([*COMMAND, "--wait", "--timeout", "0.2"]) == 4
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    shown = [line for line in lines if line.startswith("push") and "http" not in line]
    names = [line.rpartition("  ")[0].strip() for line in shown]
    assert len(names) == len(set(names)) == 5, shown


def test_a_look_that_failed_is_shown_with_its_log(
    api: AirflowApi, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    api.add_run(look(OF, "failed"), task("look", "failed", 1, 2))
    api.tasks["push", asked["dag_run_id"]] = [
        task("look", "success", 1, 2),
        task("outcome", "failed", 3, 4),
    ]
    api.logs |= {"look": ["slipway.yaml:3: no such field"], "outcome": ["push: slipway.yaml:3"]}
    asked |= {"state": "failed"}
    assert main([*COMMAND, "--wait", "--json"]) == 1
    failed = json.loads(capsys.readouterr().out)["failed"]
    assert {(one["dag_id"], one["task_id"]) for one in failed} == {("push", "look"), ("push", "outcome")}
    [log] = [one["log"] for one in failed if one["task_id"] == "look"]
    assert "slipway.yaml:3: no such field" in log
    assert f"/dags/push/runs/{push_id(OF, 0)}/tasks/look" in log


def test_a_paused_dag_is_said_once(
    api: AirflowApi, airflow: Airflow, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    api.add_run(look(OF))
    api.add_run(run("vm_image", "queued", OF))
    api.paused = {"vm_image"}
    assert main([*COMMAND, "--wait", "--timeout", "0.3"]) == 4
    assert capsys.readouterr().err.count("vm_image waits: DAG vm_image is paused") == 1
    assert api.asked.count("GET /api/v2/dags/vm_image") == 1


def test_a_push_is_waited_for_until_its_own_run_has_ended(
    api: AirflowApi, airflow: Airflow, asked: dict[str, Any]
) -> None:
    reuse_and_deploy(api)
    seen: list[list[str]] = []

    def show(stages: Sequence[Stage]) -> None:
        seen.append([stage.state for stage in stages])
        if len(seen) == 3:
            asked["state"] = "success"

    stages = RunFollower(airflow, "push", run_id_of(KEY)).wait(time.monotonic() + 60, show)
    assert stages[0].state == "success"
    assert seen[:3] == [["running", "success", "success"]] * 3
