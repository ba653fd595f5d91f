"""Real commits, and what ``bare_metal_image`` makes of them on the worker, in Artifactory and in Glance."""

from __future__ import annotations

import os
import re
import secrets
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lab.access import Lab
from slipway.cli.api import Airflow
from slipway.cli.settings import Login
from tests.dags.bare_metal_images import DAG, SPEC, BareMetalImages, bare_metal_images, example, tiny
from tests.dags.pushing import PAUSE_SECONDS, TRIES, Pushed, source

pytestmark = pytest.mark.lab

IN_ORDER = ("plan", "package_sources", "build", "boot_test", "publish")
SCRIPT = "#!/bin/bash\nset -eu\n"


@pytest.fixture
def images(lab: Lab, app: Pushed) -> Iterator[BareMetalImages]:
    with bare_metal_images(lab, app) as found:
        yield found


def test_a_push_becomes_a_booted_image_with_one_digest_in_both_registries(images: BareMetalImages) -> None:
    push = images.push(example("hello-system", "hello"))
    run = images.run(push)
    assert run.tasks == dict.fromkeys(IN_ORDER, "success"), run.log("build")
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


def test_the_same_inputs_are_built_once_whatever_commit_has_them(images: BareMetalImages) -> None:
    first = images.push(example("hello-system"))
    run = images.run(first)
    assert run.tasks == dict.fromkeys(IN_ORDER, "success"), run.log("build") + run.log("boot_test")
    image = images.built(run).image
    assert image is not None
    assert [line for line in run.log("package_sources") if "package source bookworm main: sha256:" in line]

    second = images.push({**example("hello-system"), "README": "another commit, the same elements"})
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


def test_an_image_that_fails_its_boot_test_is_kept_hidden_and_never_handed_on(
    images: BareMetalImages,
) -> None:
    content = example("hello-system")
    content["slipway.yaml"] = content["slipway.yaml"].replace(
        "within_seconds: 120", 'says: "at your service", within_seconds: 15'
    )
    run = images.run(images.push(content))
    assert (run.state, run.tasks["boot_test"], run.tasks["publish"]) == (
        "failed",
        "failed",
        "upstream_failed",
    )
    [detail] = run.errors("boot_test")[0]["error_detail"]
    assert "after 15 s it has not said 'at your service'" in detail["exc_value"]
    assert {found.is_hidden for found in images.in_glance()} == {True}
    assert any(str(found.id) in detail["exc_value"] for found in images.in_glance())
    assert images.app.airflow.get_run_events(DAG, run.id) == []
    assert not [path for path in images.in_artifactory() if "commits" in path]


def test_build_that_is_killed_leaves_nothing_and_its_retry_makes_one_image(images: BareMetalImages) -> None:
    content = example("hello-system")
    content["elements/hello-system/block-device.d/10-wait"] = f"{SCRIPT}sleep 5\n"
    run_id = images.start(images.push(content))
    _kill(images, run_id, "build")
    run = images.ended(run_id)
    assert run.state == "success", run.log("build")
    assert run.tries["build"] == 2, run.story
    image = images.built(run).image
    assert image is not None
    assert len(images.in_glance()) == 3
    assert images.on_worker() == []


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
    "nothing for this platform": ("", {"slipway.yaml": "version: 1\nname: APPLICATION\n"}, ""),
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
    "link to the worker": ("plan", tiny("mine", **{"mine/README": "x"}), "is a link that leads out of"),
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


@pytest.fixture(scope="module")
def ended(lab: Lab, airflow_api: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Every bad application, started at once."""
    git, web = lab.git, lab.airflow
    with Airflow(Login(web.url, web.user, web.password)) as airflow:
        code = source(tmp_path_factory.mktemp("bad") / "work", Login(git.url, git.user, git.password))
        apps = {case: Pushed(lab, code, airflow, airflow_api, f"t-{secrets.token_hex(4)}") for case in BAD}
        started = {}
        for case, (_, content, _) in BAD.items():
            links = {"elements/mine/secrets": "/etc"} if case == "link to the worker" else None
            with bare_metal_images(lab, apps[case]) as images:
                started[case] = images.start(images.push(content, links))
        yield {case: (apps[case], started[case]) for case in BAD}
        code.delete(*(branch for app in apps.values() for branch in app.branches))


@pytest.mark.parametrize("case", BAD)
def test_bad_input_fails_at_once_with_one_clear_error_and_leaves_nothing(
    lab: Lab, ended: dict[str, tuple[Pushed, str]], case: str
) -> None:
    app, run_id = ended[case]
    failing, _, said = BAD[case]
    with bare_metal_images(lab, app) as images:
        run = images.ended(run_id)
        if not failing:
            assert (run.state, images.built(run).image) == ("success", None)
        else:
            assert run.state == "failed", run.story
            assert run.tasks[failing] == "failed"
            assert run.tries[failing] == 1, run.story
            [detail] = run.errors(failing)[0]["error_detail"]
            assert re.search(said, detail["exc_value"]), detail["exc_value"]
        assert images.in_glance() == []
        assert images.in_artifactory() == []
        assert images.on_worker() == []
