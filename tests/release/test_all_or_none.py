"""One release on all its platforms: kept on every one, or what ran before is back on every one."""

from __future__ import annotations

import os
import re
import signal

import pytest

from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.flow.image import Image
from tests.release.releases import (
    BROKEN,
    MACHINES,
    NEVER_READY,
    SERVERS,
    SERVING,
    SLOW,
    Release,
    Releases,
    servers,
    task_in,
    wait_for,
)

pytestmark = pytest.mark.lab

PLATFORMS = ("container", "vm", "bare_metal")
REFUSED = "{replicas: 0, resources: {memory: 64Mi, memory_limit: 32Mi}}"


def test_a_release_that_one_of_three_platforms_refuses_leaves_all_on_the_one_before(
    releases: Releases,
) -> None:
    [machine, _] = releases.ground.machines(2)
    good = releases.build(1, SERVING, SERVERS, MACHINES)
    first = releases.release(good)
    assert first.state == "success", first.story
    assert set(releases.told(first)) == set(PLATFORMS)
    releases.assert_runs(good)

    bad_probe = releases.build(2, NEVER_READY, SERVERS, MACHINES)
    assert_taken_back(releases, good, bad_probe, "container", "no progress")
    nova_error = releases.build(3, SERVING, servers(BROKEN), MACHINES)
    assert_taken_back(releases, good, nova_error, "vm", "no more electricity")
    deploy_failed = releases.build(4, SERVING, SERVERS, MACHINES)
    disk = {"fail": "the disk is broken", "image": deploy_failed.glance("bare_metal")}
    releases.ground.steer(machine, deploy=disk)
    assert_taken_back(releases, good, deploy_failed, "bare_metal", "the disk is broken")


def assert_taken_back(
    releases: Releases, before: Release, tried: Release, platform: str, reason: str
) -> None:
    """Release what ``platform`` will refuse for ``reason``; see that all platforms are as before."""
    run = releases.release(tried)
    assert run.state == "failed", run.story
    states = {name: run.tasks[f"{name}.rollout"] for name in PLATFORMS}
    assert states == dict.fromkeys(PLATFORMS, "success") | {platform: "failed"}
    assert reason in "\n".join(run.log(f"{platform}.rollout"))
    for name in PLATFORMS:
        assert run.tasks[f"{name}.go_back"] == "success"
        log = "\n".join(run.log(f"{name}.go_back"))
        was, is_tried = _version(before, name), _version(tried, name)
        assert re.search(rf"^{name} +{was} +{is_tried} +{was}, healthy$", log, re.M), log
    assert releases.told(run) == {}
    path = f"{releases.app.place}/{tried.commit}/manifest.json"
    marked = Files(ArtifactoryHook().get_conn()).properties(path)["slipway.failed.staging"]
    assert marked.endswith(f" {run.id}")
    releases.assert_runs(before)


def _version(release: Release, platform: str) -> str:
    image: Image = release.images[platform]
    return re.escape(f"{release.commit[:12]} ({image.digest[:19]})")


def test_release_is_kept_on_both_platforms_and_told_of_each(releases: Releases) -> None:
    release = releases.build(1)
    run = releases.release(release)
    assert run.state == "success", run.story
    done = {name: state for name, state in run.tasks.items() if state == "success"}
    assert set(done) == {"release", "container.rollout", "vm.rollout", "keep", "all_ended", "released"}
    told = releases.told(run)
    assert told.keys() == {"container", "vm"}
    assert told["vm"].where.startswith(f"servers {releases.app.name}-staging-{release.commit[:12]}-0, ")
    assert releases.servers() == [(release.glance("vm"), "ACTIVE")] * 2
    log = "\n".join(run.log("keep"))
    for platform in ("container", "vm"):
        tried = _version(release, platform)
        assert re.search(rf"^{platform} +nothing +{tried} +{tried}$", log, re.M), log


def test_platform_that_refuses_at_once_takes_the_other_back_too(releases: Releases) -> None:
    first, second = releases.build(1), releases.build(2, REFUSED)
    assert releases.release(first).state == "success"
    run = releases.release(second)
    assert (run.state, run.tasks["container.rollout"], run.tasks["vm.rollout"]) == (
        *("failed", "failed"),
        "success",
    )
    assert "must be less than or equal to memory" in "\n".join(run.log("container.rollout"))
    assert releases.container() == (first.commit, first.digest("container"))
    assert releases.servers() == [(first.glance("vm"), "ACTIVE")] * 2


def test_first_release_that_fails_on_one_platform_leaves_nothing_on_any(releases: Releases) -> None:
    run = releases.release(releases.build(1, vm=servers(BROKEN)))
    assert run.state == "failed", run.story
    assert releases.container() == ("", "")
    assert releases.servers() == []


def test_name_that_the_cloud_does_not_have_is_refused_before_anything_is_touched(releases: Releases) -> None:
    run = releases.release(releases.build(1, vm=servers("security_groups: [nobodys]")))
    assert run.state == "failed", run.story
    assert "vm.nova.security_groups: the cloud has no 'nobodys'. It has: default, web" in "\n".join(
        run.log("release")
    )
    assert run.tasks["container.rollout"] == "upstream_failed"
    assert releases.container() == ("", "")


def test_rollout_that_is_killed_in_the_middle_goes_on_without_doubles(releases: Releases) -> None:
    release = releases.build(1, vm=servers(SLOW))
    run_id = releases.start(release)
    task = task_in(releases, run_id, "vm.rollout", ("running",))
    wait_for(releases.all_servers)
    os.kill(task["pid"], signal.SIGKILL)
    run = releases.ended(run_id)
    assert run.state == "success", run.story
    assert run.tries["vm.rollout"] == 2, run.story
    assert releases.servers() == [(release.glance("vm"), "ACTIVE")] * 2
