"""What the lab's servers and nodes run, by the ids and digests of images."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.access import Lab
from lab.process import wait_gone
from slipway.openstack.ironic import in_use as on_nodes
from slipway.openstack.nova import in_use as on_servers
from tests.systems.openstack.ironic_lab import SECONDS, Ground, ground_in
from tests.systems.openstack.nova import Application

pytestmark = pytest.mark.lab


@pytest.fixture
def ground(lab: Lab) -> Iterator[Ground]:
    with ground_in(lab) as ground:
        yield ground


def test_a_server_runs_its_image_whoever_made_it(app: Application) -> None:
    plan = app.plan(1)
    app.roll_out(plan, "one")
    [server] = app.servers()
    found = on_servers.running(app.cloud)
    assert found[app.image] == f"server {server.name} runs it"
    assert plan.image.digest in found
    app.go_back(plan, "one")
    assert wait_gone(lambda: app.image not in on_servers.running(app.cloud), SECONDS)


def test_a_node_runs_its_image_and_the_one_before_can_come_back_until_the_release_is_kept(
    ground: Ground,
) -> None:
    [machine] = ground.machines(1)
    first, second = ground.fleet(ground.image()), ground.fleet(ground.image())
    ground.release(first, "run-1")
    assert on_nodes.running(ground.tenant)[str(first.image.glance)] == f"node {machine} runs it"
    assert ground.roll_out(second, "run-2").state == "healthy"
    found = on_nodes.running(ground.tenant)
    assert found[str(second.image.glance)] == f"node {machine} runs it"
    assert (
        found[first.image.digest] == found[str(first.image.glance)] == f"allocation {ground.prefix}0 needs it"
    )
    ground.keep(second, "run-2")
    found = on_nodes.running(ground.tenant)
    assert {str(first.image.glance), first.image.digest} & found.keys() == set()
    assert second.image.digest in found
