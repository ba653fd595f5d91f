"""Releases of one application on containers and virtual machines, one after the other.

A run of Airflow's costs seconds, and a second application costs a first release: so all of these are the
releases of one, and each step leaves what the next one begins with.
"""

from __future__ import annotations

import re

import pytest

from tests.release.releases import BROKEN, IDLE, SLOW, Release, Releases, kill_in, servers, version

pytestmark = pytest.mark.lab

PLATFORMS = ("container", "vm")
REFUSED = "{replicas: 0, resources: {memory: 64Mi, memory_limit: 32Mi}}"
ORDER = "[vm, container]"


def test_a_release_is_kept_on_both_platforms_or_on_none(releases: Releases) -> None:
    a_first_release_that_fails_on_one_platform_leaves_nothing_on_any(releases)
    a_name_that_the_cloud_does_not_have_is_refused_before_anything_is_touched(releases)
    good = a_release_whose_rollout_is_killed_is_kept_on_both_in_its_order_without_doubles(releases)
    a_platform_that_refuses_at_once_takes_the_other_back_too(releases, good)
    a_platform_is_not_begun_when_the_one_before_it_fails(releases, good)


def a_first_release_that_fails_on_one_platform_leaves_nothing_on_any(releases: Releases) -> None:
    run = releases.release(releases.build(1, vm=servers(BROKEN)))
    assert run.state == "failed", run.story
    assert releases.container() == ("", "")
    assert releases.servers() == []


def a_name_that_the_cloud_does_not_have_is_refused_before_anything_is_touched(releases: Releases) -> None:
    run = releases.release(releases.build(2, vm=servers("security_groups: [nobodys]")))
    assert run.state == "failed", run.story
    said = "\n".join(run.log("release"))
    assert "vm.nova.security_groups: the cloud has no 'nobodys'. It has: default, web" in said
    assert run.tasks["container.rollout"] == "upstream_failed"
    assert releases.container() == ("", "")


def a_release_whose_rollout_is_killed_is_kept_on_both_in_its_order_without_doubles(
    releases: Releases,
) -> Release:
    release = releases.build(3, vm=servers(SLOW), order=ORDER)
    run_id = releases.start(release)
    kill_in(releases, run_id, "vm.rollout", releases.all_servers)
    run = releases.ended(run_id)
    assert run.state == "success", run.story
    assert run.tries["vm.rollout"] == 2, run.story
    done = {name for name, state in run.tasks.items() if state == "success"}
    assert done == {"release", "container.rollout", "vm.rollout", "keep", "all_ended", "released"}
    assert "rolled out after vm" in "\n".join(run.log("container.rollout"))
    over = {task["task_id"]: task["end_date"] for task in run.airflow.get_tasks("deploy", run.id)}
    assert over["vm.rollout"] < over["container.rollout"]
    told = releases.told(run)
    assert told.keys() == set(PLATFORMS)
    assert told["vm"].where.startswith(f"servers {releases.app.name}-staging-{release.commit[:12]}-0, ")
    log = "\n".join(run.log("keep"))
    for platform in PLATFORMS:
        tried = version(release, platform)
        assert re.search(rf"^{platform} +nothing +{tried} +{tried}$", log, re.M), log
    assert_both_run(releases, release)
    return release


def a_platform_that_refuses_at_once_takes_the_other_back_too(releases: Releases, good: Release) -> None:
    run = releases.release(releases.build(4, REFUSED))
    assert run.state == "failed", run.story
    assert [run.tasks[f"{name}.rollout"] for name in PLATFORMS] == ["failed", "success"]
    assert "must be less than or equal to memory" in "\n".join(run.log("container.rollout"))
    assert_both_run(releases, good)


def a_platform_is_not_begun_when_the_one_before_it_fails(releases: Releases, good: Release) -> None:
    run = releases.release(releases.build(5, IDLE, servers(BROKEN), order=ORDER))
    assert run.state == "failed", run.story
    assert run.tasks["container.rollout"] == "skipped"
    assert "not started: vm, which comes first, is failed" in "\n".join(run.log("container.rollout"))
    assert_both_run(releases, good)


def assert_both_run(releases: Releases, release: Release) -> None:
    """See on the real systems that a release is on both platforms, and nothing else is."""
    assert releases.container() == (release.commit, release.digest("container"))
    assert releases.servers() == [(release.glance("vm"), "ACTIVE")] * 2
