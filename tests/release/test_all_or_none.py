"""One release on all its platforms: kept on every one, or what ran before is back on every one."""

from __future__ import annotations

import re

import pytest

from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from tests.release.releases import (
    BROKEN,
    MACHINES,
    NEVER_READY,
    SERVERS,
    SERVING,
    Release,
    Releases,
    servers,
    version,
)

pytestmark = pytest.mark.lab

PLATFORMS = ("container", "vm", "bare_metal")


@pytest.mark.parametrize(
    "refusing",
    [
        pytest.param(("vm",), id="one refuses", marks=pytest.mark.short),
        pytest.param(PLATFORMS, id="each refuses", marks=pytest.mark.release),
    ],
)
def test_a_release_that_one_of_three_platforms_refuses_leaves_all_on_the_one_before(
    releases: Releases, refusing: tuple[str, ...]
) -> None:
    [machine, _] = releases.ground.machines(2)
    good = releases.build(1, SERVING, SERVERS, MACHINES)
    first = releases.release(good)
    assert first.state == "success", first.story
    assert set(releases.told(first)) == set(PLATFORMS)
    releases.assert_runs(good)

    if "container" in refusing:
        bad_probe = releases.build(2, NEVER_READY, SERVERS, MACHINES)
        assert_taken_back(releases, good, bad_probe, "container", "no progress")
    if "vm" in refusing:
        nova_error = releases.build(3, SERVING, servers(BROKEN), MACHINES)
        assert_taken_back(releases, good, nova_error, "vm", "no more electricity")
    if "bare_metal" in refusing:
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
        was, is_tried = version(before, name), version(tried, name)
        assert re.search(rf"^{name} +{was} +{is_tried} +{was}, healthy$", log, re.M), log
    assert releases.told(run) == {}
    path = f"{releases.app.place}/{tried.commit}/manifest.json"
    marked = Files(ArtifactoryHook().get_conn()).properties(path)["slipway.failed.staging"]
    assert marked.endswith(f" {run.id}")
    releases.assert_runs(before)
