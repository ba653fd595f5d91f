"""Tasks that are killed in the middle: another try finds what exists and makes nothing twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

from lab.access import Lab
from slipway.packer.inputs import build_name
from tests.dags.in_process import build_container
from tests.dags.pushing import PAUSE_SECONDS, TRIES, Pushed, run_with_id
from tests.dags.vm_images import VmImages, example, vm_images
from tests.registry_images import tags_of

pytestmark = pytest.mark.lab

SLOW = "FROM busybox:1.36\nARG SLIPWAY_COMMIT\nRUN echo {name} && sleep 4\n"


def kill(app: Pushed, dag_id: str, run_id: str, task_id: str, at_work: Callable[[], Any]) -> None:
    """Kill the task's process, as a machine that dies does, as soon as it is at work."""
    for _ in range(TRIES):
        task = next((one for one in app.airflow.get_tasks(dag_id, run_id) if one["task_id"] == task_id), None)
        if task and task["state"] == "running" and task["pid"] and at_work():
            os.kill(task["pid"], signal.SIGKILL)
            return
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{dag_id}/{task_id} of {run_id} never was at work")


def test_build_that_is_killed_is_built_once_more_and_leaves_nothing(
    app: Pushed, engine: docker.DockerClient
) -> None:
    dockerfile = SLOW.format(name=app.name)
    push = app.push({"slipway.yaml": app.spec, "Dockerfile": dockerfile}, f"only-by-hand/{app.name}")
    run_id = app.start(ref=push.ref, commit=push.commit)
    kill(app, "container_image", run_id, "build", lambda: steps(app, engine))
    run = run_with_id(app.airflow, run_id)
    assert run.state == "success", run.story
    assert run.tries == {"plan": 1, "base_images": 1, "jenkins": 0, "build": 2, "publish": 1}, run.story
    built, _ = app.built(run)
    assert built.image is not None
    assert built.image.digest == app.digest(push.commit)
    assert len(tags_of(app.lab.registry, app.place)) == 2  # by commit, and by inputs
    assert steps(app, engine) == []


def steps(app: Pushed, engine: docker.DockerClient) -> list[str]:
    """The containers of the build's steps."""
    return [one["Id"] for one in engine.api.containers(all=True) if app.name in one["Command"]]


def test_rollout_that_is_killed_goes_on_where_it_was(app: Pushed) -> None:
    spec = app.spec.replace("replicas: 0", "resources: {cpu: 10m, memory: 16Mi}")
    slow_start = "    probes: {readiness: {command: [test, -e, /tmp/up], period_seconds: 1}}\n"
    dockerfile = 'FROM busybox:1.36\nCMD ["sh", "-c", "sleep 2; touch /tmp/up; sleep 3600 & wait"]\n'
    push = app.push({"slipway.yaml": spec + slow_start, "Dockerfile": dockerfile}, f"built-{app.name}")
    build_container(app.lab, push)
    run_id = app.start("deploy", commit=push.commit, environment="staging")
    task_id = "container.rollout"
    kill(app, "deploy", run_id, task_id, lambda: app.airflow.get_log("deploy", run_id, task_id, 1))
    run = run_with_id(app.airflow, run_id, "deploy")
    assert run.state == "success", run.story
    assert run.tries["container.rollout"] == 2, run.story
    [event] = app.airflow.get_run_events("deploy", run.id)
    assert event["extra"]["push"]["commit"] == push.commit


@pytest.mark.release
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_image_build_whose_worker_ends_leaves_one_image_and_nothing_else(
    app: Pushed, lab: Lab, number: signal.Signals
) -> None:
    with vm_images(lab, app) as images:
        push = images.push(example())
        run_id = images.start(push)
        machine = machine_of(images, run_id)
        [task] = [one for one in app.airflow.get_tasks("vm_image", run_id) if one["task_id"] == "build"]
        os.kill(task["pid"], number)
        run = images.ended(run_id)
        assert (run.state, run.tries["build"]) == ("success", 2), run.story
        assert not Path(f"/proc/{machine}").exists()
        image = images.built(run).image
        assert image is not None
        assert [str(found.id) for found in images.in_glance()] == [str(image.glance)]
        assert [path for path in images.in_artifactory() if path.endswith(".qcow2")] == [
            f"/{image.reference.removeprefix(f'{images.folder}/')}"
        ]
        assert images.digests(image.reference, str(image.glance)) == {image.digest}
        assert images.on_worker() == []


def test_image_build_that_a_person_calls_off_is_interrupted_and_leaves_nothing(app: Pushed, lab: Lab) -> None:
    with vm_images(lab, app) as images:
        run_id = images.start(images.push(example()))
        machine = machine_of(images, run_id)
        task = f"/api/v2/dags/vm_image/dagRuns/{run_id}/taskInstances/build"
        app.api.patch(task, json={"new_state": "failed"}).raise_for_status()
        for _ in range(TRIES):
            if not Path(f"/proc/{machine}").exists() and not images.on_worker():
                break
            time.sleep(PAUSE_SECONDS)
        assert not Path(f"/proc/{machine}").exists()
        assert (images.on_worker(), images.in_glance(), images.in_artifactory()) == ([], [], [])


def machine_of(images: VmImages, run_id: str) -> int:
    """Wait until a build's machine runs; returns its process."""
    name = build_name(images.app.name, run_id).encode()
    for _ in range(TRIES):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"qemu-system" in words.partition(b"\0")[0] and name in words:
                return int(path.parent.name)
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"Packer started no machine for {run_id}")
