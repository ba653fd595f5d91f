"""A rollout of nodes that nobody ends is found in the lab's Ironic, and taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.access import Lab
from slipway.flow.orphans import Trace
from slipway.openstack.ironic.ledger import described
from slipway.openstack.ironic.traces import FleetTraces
from tests.systems.openstack.ironic_lab import TICK, Ground, ground_in

pytestmark = pytest.mark.lab


@pytest.fixture
def ground(lab: Lab) -> Iterator[Ground]:
    with ground_in(lab) as ground:
        yield ground


def found(ground: Ground) -> list[Trace]:
    return [one for one in FleetTraces(ground.tenant).find() if one.name.startswith(ground.name)]


def test_a_first_rollout_that_nobody_ends_gives_the_nodes_back(ground: Ground) -> None:
    ground.machines(1)
    fleet = ground.fleet(ground.image())
    ground.fleets.begin(fleet, "run-1")
    [trace] = found(ground)
    assert (trace.run, trace.name) == ("run-1", f"{ground.name}-production-{fleet.push.short_commit}")
    assert FleetTraces(ground.tenant, TICK).remove(trace)
    assert ground.states() == ["available"]
    assert found(ground) == []
    assert FleetTraces(ground.tenant).remove(trace)


def test_the_release_before_comes_back_to_its_nodes(ground: Ground) -> None:
    [machine] = ground.machines(1)
    first = ground.fleet(ground.image())
    ground.release(first, "run-1")
    assert found(ground) == []
    second = ground.fleet(ground.image())
    assert ground.roll_out(second, "run-2").state == "healthy"
    [trace] = found(ground)
    assert FleetTraces(ground.tenant, TICK).remove(trace)
    assert ground.written(machine)["source"] == str(first.image.glance)
    assert ground.good(first) == described(first)
    assert found(ground) == []
