"""Platforms one after the other, where ``slipway.yaml`` gives an order."""

from __future__ import annotations

import pytest

from slipway.rollout.order import earlier
from tests.release.releases import BROKEN, IDLE, SERVERS, Releases, servers


def test_only_platforms_that_are_named_and_part_of_the_release_come_before() -> None:
    every = {"container": {"a": 1}, "vm": {"a": 1}, "bare_metal": None}
    assert earlier(["vm", "container"], "container", every) == ["vm"]
    assert earlier(["vm", "container"], "vm", every) == []
    assert earlier(["bare_metal", "vm", "container"], "container", every) == ["vm"]
    assert earlier(["vm"], "container", every) == []
    assert earlier([], "container", every) == []


@pytest.mark.lab
def test_a_platform_waits_for_the_one_before_and_is_not_begun_when_that_fails(releases: Releases) -> None:
    good = releases.build(1, IDLE, SERVERS, order="[vm, container]")
    run = releases.release(good)
    assert run.state == "success", run.story
    assert "comes after vm" in "\n".join(run.log("container.rollout"))
    over = {task["task_id"]: task["end_date"] for task in run.airflow.get_tasks("deploy", run.id)}
    assert over["vm.rollout"] < over["container.rollout"]
    bad = releases.build(2, IDLE, servers(BROKEN), order="[vm, container]")
    run = releases.release(bad)
    assert run.state == "failed", run.story
    assert run.tasks["container.rollout"] == "skipped"
    assert "not begun: vm, which comes before, is failed" in "\n".join(run.log("container.rollout"))
    assert releases.container()[0] == good.commit
    assert releases.servers() == [(good.glance("vm"), "ACTIVE")] * 2
