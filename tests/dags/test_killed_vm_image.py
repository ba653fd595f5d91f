"""Workers that die in the middle of an image: another try, and ``reap_orphans``, leave one image or none."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.access import Lab
from slipway.packer.inputs import build_name
from tests.dags.pushing import Pushed, Run, run_with_id
from tests.dags.vm_images import DAG, VmImages, files, speaking, vm_images

pytestmark = pytest.mark.lab

SLOW = speaking("sleep 8", "cat ${var.slipway_base} >> RAW")
"""It takes its time to be made, and to be uploaded."""
TRIES, PAUSE_SECONDS = 3000, 0.05


@pytest.fixture
def images(lab: Lab, app: Pushed) -> Iterator[VmImages]:
    with vm_images(lab, app) as found:
        yield found


def programs(name: str) -> list[int]:
    """The processes with a build's name in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if name.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def in_packer(images: VmImages, run_id: str) -> bool:
    """Say whether Packer is at work."""
    return bool(programs(build_name(images.app.name, run_id)))


def in_upload(images: VmImages, run_id: str) -> bool:
    """Say whether Glance has an image of which it has not all bytes."""
    return any(image.status in ("queued", "saving") for image in images.in_glance())


def kill(images: VmImages, run_id: str, when: Callable[[VmImages, str], bool]) -> None:
    """Kill the task and all that it started, as a machine that goes down does."""
    for _ in range(TRIES):
        if when(images, run_id):
            break
        time.sleep(PAUSE_SECONDS)
    else:
        raise AssertionError(f"{when.__name__} never came")
    [task] = [one for one in images.app.airflow.get_tasks(DAG, run_id) if one["task_id"] == "build"]
    for pid in (task["pid"], *programs(build_name(images.app.name, run_id))):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def reap(images: VmImages, *, dry_run: bool = False) -> Run:
    """Have ``reap_orphans`` look, without grace."""
    body = {"logical_date": None, "conf": {"grace_minutes": 0, "dry_run": dry_run}}
    answer = images.app.api.post("/api/v2/dags/reap_orphans/dagRuns", json=body)
    assert answer.status_code == 200, answer.text
    run = run_with_id(images.app.airflow, str(answer.json()["dag_run_id"]), "reap_orphans")
    assert run.state == "success", run.story
    return run


@pytest.mark.parametrize("when", [in_packer, in_upload])
def test_a_build_that_is_killed_is_done_again_and_leaves_one_image(
    images: VmImages, when: Callable[[VmImages, str], bool]
) -> None:
    run_id = images.start(images.push(files(SLOW)))
    kill(images, run_id, when)
    run = images.ended(run_id)
    assert (run.state, run.tries["build"]) == ("success", 2), run.story
    reap(images)
    image = images.built(run).image
    assert image is not None
    [kept] = images.in_glance()
    assert (str(kept.id), kept.status, kept.is_hidden) == (str(image.glance), "active", False)
    names = [path.rpartition("/")[2] for path in images.in_artifactory() if path.endswith(".qcow2")]
    assert names == [f"{images.app.name}.qcow2"]
    assert images.digests(image.reference, str(image.glance)) == {image.digest}
    assert images.on_worker() == []


def test_a_build_that_nobody_does_again_is_cleared_away(images: VmImages) -> None:
    run_id = images.start(images.push(files(SLOW)))
    kill(images, run_id, in_packer)
    task = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/build"
    images.app.api.patch(task, json={"new_state": "failed"}).raise_for_status()
    assert images.ended(run_id).state == "failed"
    assert images.on_worker() != []

    shown = reap(images, dry_run=True)
    [line] = [line for line in shown.log("on_worker") if images.app.name in line and "orphan" in line]
    assert line.startswith("build folder")
    assert images.on_worker() != []

    reap(images)
    assert images.on_worker() == []
    assert images.in_glance() == []
    assert images.in_artifactory() == []
