"""Workers that die in the middle, and Airflow's next try: nothing is doubled, nothing is lost."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.access import Lab
from lab.process import wait_gone
from slipway.flow.fleet import Fleet
from tests.systems.openstack.ironic_lab import SECONDS, Ground, ground_in

pytestmark = pytest.mark.lab

SEED = 20
WORKER = """\
import asyncio, json, sys
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from slipway.flow.fleet import Fleet
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.triggers import bring, poll_of

clouds, verb, run, plan = sys.argv[1:]
fleets = Fleets(Connection(config=OpenStackConfig(config_files=[clouds]).get_one("slipway", api_timeout=60)))
watch = getattr(fleets, verb)(Fleet.from_json(json.loads(plan)), run)
print("begun", flush=True)
if watch is not None:
    outcome = asyncio.run(bring(fleets, poll_of(fleets.ironic, 0.4), watch))
    print(outcome.state, outcome.reason, flush=True)
"""


@pytest.fixture
def ground(lab: Lab) -> Iterator[Ground]:
    with ground_in(lab) as ground:
        yield ground


def worker(lab: Lab, verb: str, run: str, fleet: Fleet) -> subprocess.Popen[str]:
    """Do what a task and its trigger do, in a process that can be killed."""
    plan = json.dumps(fleet.to_json())
    command = [sys.executable, "-W", "ignore", "-c", WORKER, lab["OS_CLIENT_CONFIG_FILE"], verb, run, plan]
    folder = Path(__file__).parents[3]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)


def killed_until_it_ends(lab: Lab, verb: str, run: str, fleet: Fleet, moments: list[float]) -> str:
    """Kill a worker after each of ``moments`` seconds, and let the last one come to its end."""
    for seconds in moments:
        process = worker(lab, verb, run, fleet)
        time.sleep(seconds)  # the moment at which it dies is what is tried
        process.send_signal(signal.SIGKILL)
        process.communicate()
    said, _ = worker(lab, verb, run, fleet).communicate(timeout=SECONDS * 2)
    return said


def test_a_rollout_whose_workers_die_again_and_again_ends_as_it_should(lab: Lab, ground: Ground) -> None:
    machines = ground.machines(3)
    for name in machines:
        ground.steer(name, deploy={"delay": 1})
    dice = random.Random(SEED)
    first = ground.fleet(ground.image(), count=3, network="demo", user_data="#cloud-config\n")
    moments = [dice.uniform(1.0, 6.0) for _ in range(5)]
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
    ups = [dice.uniform(2.0, 6.0) for _ in range(2)]
    assert "failed" in killed_until_it_ends(lab, "begin", "run-2", second, ups)
    backs = [dice.uniform(1.0, 5.0) for _ in range(4)]
    said = killed_until_it_ends(lab, "go_back", "run-2", second, backs)
    assert "failed" not in said
    assert list(ground.ironic.allocations(ground.prefix)) == [0, 1]
    assert wait_gone(lambda: ground.states() == ["active", "active", "available"], SECONDS)
    used = {source for name in machines if (source := ground.written(name).get("source"))}
    assert used == {str(first.image.glance)}
    assert not [port for port in ground.tenant.network.ports() if port.name.startswith(f"{ground.prefix}2")]
