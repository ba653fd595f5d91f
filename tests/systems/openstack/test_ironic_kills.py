"""Workers that die in the middle, and Airflow's next try: nothing is doubled, nothing is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from lab.access import Lab
from lab.patience import stretched
from lab.process import wait_gone
from slipway.flow.ironic.fleet import IronicPlan
from tests.systems.openstack.ironic_lab import SECONDS, Ground, ground_in
from tests.systems.openstack.ironic_worker import start

pytestmark = pytest.mark.lab

SEED = 20


@pytest.fixture
def ground(lab: Lab) -> Iterator[Ground]:
    with ground_in(lab) as ground:
        yield ground


def killed_until_it_ends(lab: Lab, verb: str, run: str, fleet: IronicPlan, moments: list[float]) -> str:
    """Kill a worker after each of ``moments`` seconds, and let the last one come to its end."""
    for seconds in moments:
        process, _ = start(lab["OS_CLIENT_CONFIG_FILE"], verb, run, fleet)
        time.sleep(seconds)  # the moment at which it dies is what is tried
        process.kill()
        process.join()
    process, heard = start(lab["OS_CLIENT_CONFIG_FILE"], verb, run, fleet)
    assert heard.poll(stretched(SECONDS * 2)), "it did not end"
    said = str(heard.recv())
    process.join()
    return said


def test_a_rollout_whose_workers_die_again_and_again_ends_as_it_should(lab: Lab, ground: Ground) -> None:
    machines = ground.machines(3)
    for name in machines:
        ground.steer(name, deploy={"delay": 1})
    dice = random.Random(SEED)
    first = ground.fleet(ground.image(), count=3, network="demo", user_data="#cloud-config\n")
    moments = [dice.uniform(0.1, 3.0) for _ in range(5)]
    assert "healthy" in killed_until_it_ends(lab, "begin", "run-1", first, moments)
    ground.keep(first, "run-1")
    assert list(ground.ironic.allocations(ground.prefix)) == [0, 1, 2]
    ports = [port.name for port in ground.tenant.network.ports() if port.name.startswith(ground.prefix)]
    assert sorted(ports) == [f"{ground.prefix}{index}" for index in range(3)]
    assert {ground.written(name)["source"] for name in machines} == {str(first.image.glance)}
    assert {ground.node(name).body["instance_info"]["slipway_try"] for name in machines} == {1}


def test_a_way_back_whose_workers_die_again_and_again_ends_as_it_should(lab: Lab, ground: Ground) -> None:
    machines = ground.machines(3)
    first = ground.fleet(ground.image(), count=2, pacing={"at_once": 2})
    ground.release(first, "run-1")
    bad = ground.image()
    ground.steer(machines[0], deploy={"fail": "the disk is broken", "image": str(bad.glance), "delay": 1})
    second = ground.fleet(bad, count=3, network="demo", attempts=1, pacing={"stop_after_failures": 3})
    dice = random.Random(SEED + 1)
    ups = [dice.uniform(0.3, 3.0) for _ in range(2)]
    assert "failed" in killed_until_it_ends(lab, "begin", "run-2", second, ups)
    backs = [dice.uniform(0.1, 2.5) for _ in range(4)]
    said = killed_until_it_ends(lab, "go_back", "run-2", second, backs)
    assert "failed" not in said
    assert list(ground.ironic.allocations(ground.prefix)) == [0, 1]
    assert wait_gone(lambda: ground.states() == ["active", "active", "available"], SECONDS)
    used = {source for name in machines if (source := ground.written(name).get("source"))}
    assert used == {str(first.image.glance)}
    assert not [port for port in ground.tenant.network.ports() if port.name.startswith(f"{ground.prefix}2")]
