"""A fleet on the lab's real Ironic: first deployment, rebuild in place, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from lab.access import Lab
from lab.process import wait_gone
from slipway.flow.release import SupersededError
from slipway.openstack.ironic.errors import IronicRefusedError
from slipway.openstack.ironic.ledger import described
from tests.systems.openstack.ironic_lab import SECONDS, Ground, ground_in

pytestmark = pytest.mark.lab


@pytest.fixture
def ground(lab: Lab) -> Iterator[Ground]:
    with ground_in(lab) as ground:
        yield ground


def test_a_first_deployment_puts_the_image_on_every_node(ground: Ground) -> None:
    machines = ground.machines(3)
    image = ground.image()
    fleet = ground.fleet(image, count=3, pacing={"at_once": 3}, user_data="#cloud-config\n")
    ground.release(fleet, "run-1")
    assert ground.states() == ["active"] * 3
    stored = ground.tenant.image.get_image(str(image.glance))
    assert {ground.written(name)["sha512"] for name in machines} == {stored.hash_value}
    infos = [ground.node(name).body["instance_info"] for name in machines]
    assert {info["slipway_run"] for info in infos} == {"run-1"}
    assert {info["display_name"] for info in infos} == {f"{ground.name}-production-{i}" for i in range(3)}
    assert all(info["configdrive"] for info in infos)
    assert ground.good(fleet) == described(fleet)


def test_the_others_are_allocated_while_the_first_are_deployed(ground: Ground) -> None:
    ground.machines(3)
    fleet = ground.fleet(ground.image(), count=3)
    watch = ground.fleets.begin(fleet, "run-1")
    assert (len(watch.nodes), len(ground.ironic.allocations(ground.prefix))) == (1, 1)
    assert ground.follow(watch).state == "healthy"
    ground.keep(fleet, "run-1")
    assert ground.states() == ["active"] * 3
    assert ground.good(fleet) == described(fleet)


def test_a_node_that_somebody_takes_meanwhile_fails_the_release(ground: Ground) -> None:
    ground.machines(2)
    fleet = ground.fleet(ground.image(), count=2)
    watch = ground.fleets.begin(fleet, "run-1")
    ground.ironic.create_allocation(f"{ground.name}-other", ground.name, (), {})
    outcome = ground.follow(watch)
    assert outcome.state == "failed"
    assert f"1 of 2 nodes of resource class {ground.name} are missing" in outcome.reason
    assert ground.go_back(fleet, "run-1").state == "healthy"
    ground.ironic.delete_allocation(f"{ground.name}-other")
    assert ground.ironic.allocations(ground.prefix) == {}
    assert wait_gone(lambda: ground.states() == ["available"] * 2, SECONDS)


def test_a_new_release_is_rebuilt_in_place(ground: Ground) -> None:
    machines = ground.machines(2)
    first = ground.fleet(ground.image(), count=2)
    ground.release(first, "run-1")
    before = {name: ground.node(name).body["instance_uuid"] for name in machines}
    second = ground.fleet(ground.image(), count=2)
    ground.release(second, "run-2")
    assert {name: ground.node(name).body["instance_uuid"] for name in machines} == before
    sources = {ground.written(name)["source"] for name in machines}
    assert sources == {str(second.image.glance)}
    assert ground.good(second) == described(second)


def test_an_unchanged_image_is_not_written_again(ground: Ground) -> None:
    [machine] = ground.machines(1)
    image = ground.image()
    ground.release(ground.fleet(image), "run-1")
    changed = ground.node(machine).body["provision_updated_at"]
    again = ground.fleet(image)
    ground.release(again, "run-2")
    assert ground.node(machine).body["provision_updated_at"] == changed
    assert ground.good(again) == described(again)


def test_a_node_that_fails_on_purpose_brings_all_back(ground: Ground) -> None:
    machines = ground.machines(3)
    first = ground.fleet(ground.image(), count=3, pacing={"at_once": 3})
    ground.release(first, "run-1")
    bad = ground.image()
    ground.steer(machines[1], deploy={"fail": "the disk is broken", "image": str(bad.glance)})
    second = ground.fleet(bad, count=3, pacing={"at_once": 1, "stop_after_failures": 3})
    outcome = ground.roll_out(second, "run-2")
    assert outcome.state == "failed"
    assert "1 of 3 nodes failed" in outcome.reason
    assert machines[1] in outcome.reason
    assert "the disk is broken" in outcome.reason
    info = ground.node(machines[1]).body["instance_info"]
    assert (info["slipway_try"], ground.node(machines[1]).body["provision_state"]) == (2, "deploy failed")
    assert ground.go_back(second, "run-2").state == "healthy"
    assert {ground.written(name)["source"] for name in machines} == {str(first.image.glance)}
    assert ground.states() == ["active"] * 3
    assert ground.good(first) == described(first)


def test_after_too_many_failures_no_further_node_is_begun(ground: Ground) -> None:
    machines = ground.machines(3)
    first = ground.fleet(ground.image(), count=3, pacing={"at_once": 3})
    ground.release(first, "run-1")
    bad = ground.image()
    for name in machines:
        ground.steer(name, deploy={"fail": "no such disk", "image": str(bad.glance)})
    second = ground.fleet(bad, count=3, attempts=1)
    outcome = ground.roll_out(second, "run-2")
    assert "1 of 3 nodes failed" in outcome.reason
    assert "2 nodes were not started" in outcome.reason
    assert ground.states() == ["active", "active", "deploy failed"]


def test_a_failed_first_deployment_leaves_nothing(ground: Ground) -> None:
    machines = ground.machines(2)
    for name in machines:
        ground.steer(name, deploy={"fail": "no such disk"})
    fleet = ground.fleet(ground.image(), count=2, network="demo", pacing={"at_once": 2})
    outcome = ground.roll_out(fleet, "run-1")
    assert outcome.state == "failed"
    assert ground.go_back(fleet, "run-1").state == "healthy"
    assert ground.ironic.allocations(ground.prefix) == {}
    assert not [port for port in ground.tenant.network.ports() if port.name.startswith(ground.prefix)]
    assert wait_gone(lambda: ground.states() == ["available"] * 2, SECONDS)


def test_a_try_that_fails_is_followed_by_another(ground: Ground) -> None:
    [machine] = ground.machines(1)
    ground.steer(machine, deploy={"fail": "a cable is loose", "times": 1})
    ground.release(ground.fleet(ground.image()), "run-1")
    assert ground.node(machine).body["instance_info"]["slipway_try"] == 2


def test_fewer_nodes_give_the_others_back(ground: Ground) -> None:
    ground.machines(3)
    ground.release(ground.fleet(ground.image(), count=3, pacing={"at_once": 3}), "run-1")
    ground.release(ground.fleet(ground.image(), count=1), "run-2")
    assert list(ground.ironic.allocations(ground.prefix)) == [0]
    assert wait_gone(lambda: ground.states() == ["active", "available", "available"], SECONDS)


def test_a_failed_release_with_more_nodes_gives_the_added_ones_back(ground: Ground) -> None:
    machines = ground.machines(3)
    first = ground.fleet(ground.image(), count=1)
    ground.release(first, "run-1")
    bad = ground.image()
    for name in machines:
        ground.steer(name, deploy={"fail": "no such disk", "image": str(bad.glance)})
    second = ground.fleet(bad, count=3, attempts=1, pacing={"at_once": 3})
    assert ground.roll_out(second, "run-2").state == "failed"
    assert ground.go_back(second, "run-2").state == "healthy"
    assert list(ground.ironic.allocations(ground.prefix)) == [0]
    assert wait_gone(lambda: ground.states() == ["active", "available", "available"], SECONDS)


def test_what_was_kept_is_taken_back_when_another_platform_fails(ground: Ground) -> None:
    [machine] = ground.machines(1)
    first = ground.fleet(ground.image())
    ground.release(first, "run-1")
    second = ground.fleet(ground.image())
    assert ground.roll_out(second, "run-2").state == "healthy"
    assert ground.go_back(second, "run-2").state == "healthy"
    assert ground.written(machine)["source"] == str(first.image.glance)
    assert ground.go_back(second, "run-2").state == "healthy"  # again, after a crash


def test_an_older_push_never_replaces_a_newer_one(ground: Ground) -> None:
    ground.machines(1)
    newer = ground.fleet(ground.image())
    ground.release(newer, "run-2")
    older = ground.fleet(ground.image(), at=newer.push.at - timedelta(minutes=1))
    with pytest.raises(SupersededError, match=newer.push.short_commit):
        ground.fleets.begin(older, "run-1")


def test_a_newer_push_takes_the_place_of_one_that_is_on_its_way(ground: Ground) -> None:
    machines = ground.machines(2)
    first = ground.fleet(ground.image(), count=2)
    ground.release(first, "run-1")
    older = ground.fleets.begin(second := ground.fleet(ground.image(), count=2), "run-2")
    third = ground.fleet(ground.image(), count=2)
    watch = ground.fleets.begin(third, "run-3")
    assert ground.follow(older).state == "superseded"
    with pytest.raises(SupersededError):
        ground.fleets.go_back(second, "run-2")
    assert ground.follow(watch).state == "healthy"
    assert {ground.written(name)["source"] for name in machines} == {str(third.image.glance)}


def test_another_repository_does_not_get_the_nodes(ground: Ground) -> None:
    ground.machines(1)
    ground.release(fleet := ground.fleet(ground.image()), "run-1")
    push = fleet.push.model_copy(update={"repository": "somebody/else"})
    with pytest.raises(IronicRefusedError, match="tests/app"):
        ground.fleets.begin(fleet.model_copy(update={"push": push}), "run-2")
