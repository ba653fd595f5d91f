"""Real commits, and what ``bare_metal_image`` makes of them on the worker, in Artifactory and in Glance."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator

import pytest

from lab.access import Lab
from tests.dags.bare_metal_images import (
    DAG,
    SCRIPT,
    SPEC,
    BareMetalImages,
    bare_metal_images,
    example,
    speaking,
    tiny,
)
from tests.dags.in_process import as_on_worker, call
from tests.dags.pushing import PAUSE_SECONDS, TRIES, Pushed

pytestmark = pytest.mark.lab

IN_ORDER = ("plan", "package_sources", "build", "boot_test", "publish")


@pytest.fixture
def images(lab: Lab, app: Pushed) -> Iterator[BareMetalImages]:
    with bare_metal_images(lab, app) as found:
        yield found


def test_a_push_becomes_a_booted_image_with_one_digest_in_both_registries(images: BareMetalImages) -> None:
    push = images.push(example("hello-system", "hello"))
    run = images.run(push)
    assert run.tasks == dict.fromkeys(IN_ORDER, "success"), run.log("build")
    assert [line for line in run.log("package_sources") if "package source bookworm main: sha256:" in line]
    steps = [line for line in run.log("build") if re.match(r"\[ *\d+\.\d s\] element ", line)]
    assert [line.partition("] ")[2] for line in steps] == [
        "element hello-system: root.d/10-hello-system",
        "element hello: post-root.d/50-hello",
        "element baremetal: cleanup.d/99-extract-kernel-and-ramdisk",
    ]
    assert f"hello at {push.commit}" in "\n".join(run.log("boot_test"))

    built = images.built(run)
    image = built.image
    assert image is not None
    assert (built.platform, built.reused, built.push.commit) == ("bare_metal", False, push.commit)
    assert image.reference.startswith(f"{images.folder}/{image.input_digest[7:47]}/")
    kept = {"disk": image, **image.parts}
    assert set(kept) == {"disk", "kernel", "ramdisk"}
    for one in kept.values():
        assert images.digests(one.reference, str(one.glance)) == {one.digest}
    in_glance = {str(found.id): found for found in images.in_glance()}
    assert {str(one.glance) for one in kept.values()} == set(in_glance)
    assert {(found.status, found.is_hidden) for found in in_glance.values()} == {("active", False)}
    assert {found.properties["slipway_run"] for found in in_glance.values()} == {run.id}
    disk = in_glance[str(image.glance)]
    assert (disk.properties["slipway_boot"], disk.properties["slipway_commit"]) == ("passed", push.commit)
    assert str(disk.kernel_id) == str(image.parts["kernel"].glance)
    assert str(disk.ramdisk_id) == str(image.parts["ramdisk"].glance)
    record = images.artifactory.get(f"/{images.folder}/commits/{push.commit}.json").raise_for_status()
    assert record.json() == image.to_json()
    name = images.folder.replace("/", " :: ")
    info = images.artifactory.get(f"/api/build/{name}/{push.short_commit}").raise_for_status().json()
    artifacts = info["buildInfo"]["modules"][0]["artifacts"]
    assert {f"sha256:{one['sha256']}" for one in artifacts} == {one.digest for one in kept.values()}
    assert images.on_worker() == []


def test_an_image_that_fails_its_boot_test_is_kept_hidden_and_never_handed_on(
    images: BareMetalImages,
) -> None:
    content = speaking()
    content["slipway.yaml"] = content["slipway.yaml"].replace(
        "within_seconds: 120", 'says: "at your service", within_seconds: 10'
    )
    run = images.run(images.push(content))
    assert (run.state, run.tasks["boot_test"], run.tasks["publish"]) == (
        "failed",
        "failed",
        "upstream_failed",
    )
    [detail] = run.errors("boot_test")[0]["error_detail"]
    assert "after 10 s its console does not show 'at your service'" in detail["exc_value"]
    assert {found.is_hidden for found in images.in_glance()} == {True}
    assert any(str(found.id) in detail["exc_value"] for found in images.in_glance())
    assert images.app.airflow.get_run_events(DAG, run.id) == []
    assert not [path for path in images.in_artifactory() if "commits" in path]


def test_a_killed_build_is_done_again_and_its_image_serves_whatever_commit_has_the_same_inputs(
    images: BareMetalImages,
) -> None:
    content = speaking(**{"block-device.d/10-wait": f"{SCRIPT}sleep 5\n"})
    first = images.push(content)
    run_id = images.start(first)
    _kill(images, run_id, "build")
    run = images.ended(run_id)
    assert run.tasks == dict.fromkeys(IN_ORDER, "success"), run.story
    assert run.tries["build"] == 2, run.story
    image = images.built(run).image
    assert image is not None
    assert len(images.in_glance()) == 3
    assert images.on_worker() == []

    second = images.push({**content, "README": "another commit, the same elements"})
    again = images.run(second)
    skipped = {"plan": "success", "package_sources": "success", "publish": "success"}
    assert again.tasks == {**skipped, "build": "skipped", "boot_test": "skipped"}
    built = images.built(again)
    assert (built.reused, built.push.commit, built.image) == (True, second.commit, image)
    assert len(images.in_glance()) == 3

    # Glance loses the ramdisk: it comes back from Artifactory, and nothing is built.
    images.cloud.image.delete_image(str(image.parts["ramdisk"].glance))
    third = images.run(second)
    restored = images.built(third).image
    assert restored is not None
    assert (third.tasks["build"], restored.digest) == ("skipped", image.digest)
    ramdisk = restored.parts["ramdisk"]
    assert ramdisk.glance != image.parts["ramdisk"].glance
    assert str(images.cloud.image.get_image(str(restored.glance)).ramdisk_id) == str(ramdisk.glance)


def _kill(images: BareMetalImages, run_id: str, task_id: str) -> None:
    """Kill the task's process in the middle of its build."""
    builds = images.state / "airflow/slipway/builds"
    for _ in range(TRIES):
        tasks = images.app.airflow.get_tasks(DAG, run_id)
        task = next((one for one in tasks if one["task_id"] == task_id), None)
        # The temporary system is there: mounts were made, and the image comes next.
        if task and task["pid"] and any(builds.glob(f"*-{images.app.name}-*/work/dib_build.*/built")):
            os.kill(task["pid"], signal.SIGKILL)
            return
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{task_id} of {run_id} never came to that")


BAD: dict[str, tuple[str, dict[str, str], str]] = {
    # What is wrong: the task that says so, the files, a pattern of what it says.
    "unknown element": ("plan", tiny("nignx"), r"'nignx' does not exist.*The application's own: tiny"),
    "unknown dependency": (
        "plan",
        {**tiny("mine"), "elements/mine/element-deps": "never-written\n"},
        r"depends on 'never-written' \(in its element-deps\), which does not exist",
    ),
    "no distribution": (
        "plan",
        {"slipway.yaml": SPEC.replace("ELEMENTS", "sysctl"), "elements/x/README": "x"},
        "none of them is a distribution",
    ),
    "link to the worker": ("plan", tiny("mine", **{"mine/README": "x"}), "is a link to a place outside of"),
    "no such release": (
        "package_sources",
        {
            **example("hello-system"),
            "slipway.yaml": SPEC.replace("ELEMENTS", "hello-system") + "  release: never\n",
        },
        "dists/never does not exist. Correct bare_metal.release",
    ),
    "failing element": (
        "build",
        tiny("mine", **{"mine/root.d/50-fail": f"{SCRIPT}echo because of APPLICATION\nexit 3\n"}),
        r"(?s)failed in element mine: root.d/50-fail \(exit 3\).*because of t-",
    ),
    "no kernel": (
        "build",
        tiny("mine", **{"mine/root.d/50-rm": f'{SCRIPT}rm "$TARGET_ROOT"/boot/*\n'}),
        r"(?s)failed in element baremetal: cleanup.d/99-extract-kernel-and-ramdisk",
    ),
}


REAL = "failing element"
"""The case that Airflow itself runs: what it makes of a task that refuses."""
LINKS = {"link to the worker": {"elements/mine/secrets": "/etc"}}


@pytest.mark.parametrize("case", [case for case in BAD if case != REAL])
def test_bad_input_fails_at_once_with_one_clear_error_and_leaves_nothing(
    lab: Lab, images: BareMetalImages, case: str
) -> None:
    failing, content, said = BAD[case]
    push = images.push(content, LINKS.get(case))
    with as_on_worker(lab):
        ended = call(DAG, repository=push.repository, ref=push.ref, commit=push.commit)
    at = IN_ORDER.index(failing)
    assert ended.states == dict(zip(IN_ORDER, [*["success"] * at, "failed"], strict=False))
    assert re.search(said, ended.refused), ended.refused
    assert_nothing_is_left(images)


def test_airflow_ends_a_refused_build_at_once_and_starts_nothing_after_it(images: BareMetalImages) -> None:
    failing, content, said = BAD[REAL]
    run = images.run(images.push(content))
    assert run.state == "failed", run.story
    after = IN_ORDER[IN_ORDER.index(failing) + 1 :]
    assert {run.tasks[failing], *(run.tasks[task] for task in after)} == {"failed", "upstream_failed"}
    assert run.tries[failing] == 1, run.story
    [detail] = run.errors(failing)[0]["error_detail"]
    assert detail["exc_type"] == "AirflowFailException"
    assert re.search(said, detail["exc_value"]), detail["exc_value"]
    assert images.app.airflow.get_run_events(DAG, run.id) == []
    assert_nothing_is_left(images)


def assert_nothing_is_left(images: BareMetalImages) -> None:
    assert (images.in_glance(), images.in_artifactory(), images.on_worker()) == ([], [], [])
