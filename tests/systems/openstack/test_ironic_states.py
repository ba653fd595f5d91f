"""Nodes in every state that Ironic knows trouble in: named, gone on with, or left alone."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from lab.access import Lab
from lab.ground import ground_of
from lab.openstack.services import openstack as services
from lab.openstack.sushy import SYSTEMS
from lab.paths import this_checkout
from lab.process import wait_gone
from slipway.openstack.hook import OpenstackHook
from slipway.openstack.ironic.errors import IronicConflictError, IronicRefusedError
from slipway.openstack.ironic.ironic import IronicClient
from tests.systems.openstack.ironic_lab import SECONDS, Ground, ground_in

pytestmark = pytest.mark.lab


@pytest.fixture
def ground(lab: Lab) -> Iterator[Ground]:
    with ground_in(lab) as ground:
        yield ground


def maintain(ground: Ground, name: str, reason: str) -> None:
    ground.system.baremetal.set_node_maintenance(name, reason=reason)


def test_an_unknown_resource_class_is_answered_with_those_there_are(ground: Ground) -> None:
    fleet = ground.fleet(ground.image())
    with pytest.raises(IronicRefusedError, match=r"resource classes .*metal"):
        ground.fleets.begin(fleet, "run-1")
    assert ground.go_back(fleet, "run-1").state == "healthy"
    assert ground.ironic.allocations(ground.prefix) == {}


def test_with_too_few_nodes_it_is_said_what_the_others_are(ground: Ground) -> None:
    [free, broken] = ground.machines(2)
    maintain(ground, broken, "its fan is loud")
    with pytest.raises(IronicRefusedError) as refused:
        ground.fleets.begin(ground.fleet(ground.image(), count=2), "run-1")
    assert "1 of 2 nodes" in str(refused.value)
    assert f"{broken} (available, in maintenance: its fan is loud)" in str(refused.value)
    assert free in str(refused.value)
    assert ground.states() == ["available"] * 2


def test_traits_are_asked_for(ground: Ground) -> None:
    ground.machines(1)
    [fast] = ground.machines(1, traits=("CUSTOM_SSD",))
    ground.release(ground.fleet(ground.image(), traits=["CUSTOM_SSD"]), "run-1")
    assert ground.node(fast).body["provision_state"] == "active"
    assert ground.states() == ["active", "available"]


def test_nodes_of_another_project_are_never_touched(ground: Ground) -> None:
    foreign = ground.machines(2, owner="other")
    [mine] = ground.machines(1)
    with pytest.raises(IronicRefusedError, match=mine) as refused:
        ground.fleets.begin(ground.fleet(ground.image(), count=2), "run-1")
    assert not any(name in str(refused.value) for name in foreign)
    assert [ground.node(name).body["instance_uuid"] for name in foreign] == [None, None]
    assert [ground.node(name).body["provision_state"] for name in foreign] == ["available"] * 2


def test_a_leased_node_needs_another_role_and_that_is_said(ground: Ground) -> None:
    ground.machines(1, owner="other", lessee="demo")
    outcome = ground.roll_out(ground.fleet(ground.image()), "run-1")
    assert outcome.state == "failed"
    assert "leases it needs the role manager" in outcome.reason


def test_a_node_in_maintenance_is_named_before_anything_is_touched(ground: Ground) -> None:
    machines = ground.machines(2)
    ground.release(ground.fleet(ground.image(), count=2), "run-1")
    maintain(ground, machines[0], "its fan is loud")
    before = {name: ground.node(name).body["provision_updated_at"] for name in machines}
    second = ground.fleet(ground.image(), count=2)
    with pytest.raises(IronicRefusedError, match=f"{machines[0]} is in maintenance: its fan is loud"):
        ground.fleets.begin(second, "run-2")
    assert ground.go_back(second, "run-2").state == "healthy"  # it runs what ran before
    assert {name: ground.node(name).body["provision_updated_at"] for name in machines} == before


def test_a_node_that_is_put_into_maintenance_meanwhile_is_left_alone(ground: Ground) -> None:
    machines = ground.machines(2)
    ground.release(ground.fleet(ground.image(), count=2), "run-1")
    watch = ground.fleets.begin(ground.fleet(ground.image(), count=2), "run-2")
    maintain(ground, machines[0], "somebody is at it")
    maintain(ground, machines[1], "somebody is at it")
    outcome = ground.follow(watch)
    assert "2 of 2 nodes failed" in outcome.reason
    assert "somebody is at it" in outcome.reason
    assert ground.states() == ["active"] * 2


def test_a_power_fault_is_named(ground: Ground) -> None:
    [machine] = ground.machines(1)
    ground.release(ground.fleet(ground.image()), "run-1")
    ground.steer(machine, power={"fail": "the power supply does not answer"})
    ground.system.baremetal.set_node_power_state(machine, "power off")
    assert wait_gone(lambda: bool(ground.node(machine).body["last_error"]), SECONDS)
    assert "the power supply does not answer" in ground.node(machine).body["last_error"]
    maintain(ground, machine, ground.node(machine).body["last_error"])
    with pytest.raises(IronicRefusedError, match="the power supply does not answer"):
        ground.fleets.begin(ground.fleet(ground.image()), "run-2")


def test_a_node_whose_cleaning_failed_is_named_and_left_alone(ground: Ground) -> None:
    [machine] = ground.machines(1)
    ground.steer(machine, deploy={"fail": "no such disk"}, clean={"fail": "the disk cannot be erased"})
    fleet = ground.fleet(ground.image())
    assert ground.roll_out(fleet, "run-1").state == "failed"
    assert ground.go_back(fleet, "run-1").state == "healthy"
    assert wait_gone(lambda: ground.states() == ["clean failed"], SECONDS)
    with pytest.raises(IronicRefusedError, match=rf"{machine} \(clean failed, .*the disk cannot be erased"):
        ground.fleets.begin(ground.fleet(ground.image()), "run-2")
    assert ground.states() == ["clean failed"]


def test_an_undeployment_that_fails_is_named_and_left_alone(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    [machine] = ground.machines(1)
    ground.steer(machine, deploy={"fail": "no such disk"}, tear_down={"fail": "the switch refuses"})
    fleet = ground.fleet(ground.image(), attempts=1)
    assert ground.roll_out(fleet, "run-1").state == "failed"
    assert ground.go_back(fleet, "run-1").state == "healthy"
    assert f"but a person must check them: {machine} is in state 'error'" in caplog.text
    assert "the switch refuses" in caplog.text
    assert ground.states() == ["error"]


@contextmanager
def locked(ground: Ground, name: str, seconds: float) -> Iterator[None]:
    """Have Ironic at a node for a while: switching it takes that long."""
    ground.steer(name, power={"delay": seconds})
    ground.system.baremetal.set_node_power_state(name, "power on")
    assert wait_gone(lambda: bool(ground.node(name).body["reservation"]), SECONDS)
    yield


def test_a_locked_node_is_asked_again(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    [machine] = ground.machines(1)
    watch = ground.fleets.begin(ground.fleet(ground.image()), "run-1")
    with locked(ground, machine, 10):
        with pytest.raises(IronicConflictError, match="locked"):
            ground.ironic.provision(ground.node(machine).id, "active")
        outcome = ground.follow(watch)
    assert outcome.state == "healthy"
    assert "retrying" in caplog.text


def test_a_deploy_agent_that_never_calls_back_is_a_failed_try(ground: Ground) -> None:
    interfaces = {"deploy": "direct", "power": "lab", "network": "noop", "boot": "fake"}
    ground.machines(1, interfaces=interfaces, cleaned=False)
    fleet = ground.fleet(ground.image(), attempts=1)
    watch = ground.fleets.begin(fleet, "run-1")

    async def watched() -> str:
        following = asyncio.create_task(ground.following(watch))
        assert await asyncio.to_thread(wait_gone, lambda: ground.states() == ["wait call-back"], SECONDS)
        return (await following).reason

    assert "callback" in asyncio.run(watched())
    assert ground.states() == ["deploy failed"]
    assert ground.go_back(fleet, "run-1").state == "healthy"
    assert wait_gone(lambda: ground.states() == ["available"], SECONDS)


def test_a_node_that_waits_for_its_agent_can_be_given_back(ground: Ground) -> None:
    interfaces = {"deploy": "direct", "power": "lab", "network": "noop", "boot": "fake"}
    ground.machines(1, interfaces=interfaces, cleaned=False)
    fleet = ground.fleet(ground.image(), attempts=1)
    watch = ground.fleets.begin(fleet, "run-1")
    [placed] = watch.nodes
    ground.fleets.begin_node(watch, ground.ironic.node(placed.node).seen(0))
    assert wait_gone(lambda: ground.states() == ["wait call-back"], SECONDS)
    assert ground.go_back(fleet, "run-1").state == "healthy"
    assert ground.ironic.allocations(ground.prefix) == {}


def test_a_node_that_takes_too_long_is_a_failed_one(ground: Ground) -> None:
    [machine] = ground.machines(1)
    ground.steer(machine, deploy={"delay": 14})
    outcome = ground.roll_out(ground.fleet(ground.image(), deploy_seconds=10), "run-1")
    assert f"{machine}: 'deploying' for more than 10 s" in outcome.reason


@contextmanager
def served(content: bytes) -> Iterator[str]:
    """Serve a file by HTTP, and give its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(content)

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/image.raw"
    finally:
        server.shutdown()


def test_an_image_by_its_address_is_held_against_its_digest(ground: Ground) -> None:
    [machine] = ground.machines(1)
    content = b"a disk" * 10_000
    with served(content) as url:
        ground.release(ground.fleet(ground.record(None, content), url=url), "run-1")
    assert ground.written(machine)["source"] == url


def test_other_bytes_than_were_built_are_refused(ground: Ground) -> None:
    [machine] = ground.machines(1)
    with served(b"something else" * 10_000) as url:
        fleet = ground.fleet(ground.record(None, b"a disk" * 10_000), url=url, attempts=1)
        outcome = ground.roll_out(fleet, "run-1")
    assert outcome.state == "failed"
    assert f"{machine}: " in outcome.reason
    assert "checksum is invalid or does not match" in outcome.reason
    assert ground.written(machine) == {}


def test_an_image_that_is_larger_than_the_disk_is_refused_before_anything_is_touched(ground: Ground) -> None:
    [machine] = ground.machines(1, disk=1)
    fleet = ground.fleet(ground.image(min_disk=2))
    with pytest.raises(IronicRefusedError, match=rf"2 GiB of disk, and {machine} \(1 GiB\) has less"):
        ground.fleets.begin(fleet, "run-1")
    assert ground.states() == ["available"]
    assert ground.go_back(fleet, "run-1").state == "healthy"


def test_a_root_partition_that_is_larger_than_the_disk_is_refused(ground: Ground) -> None:
    ground.machines(1, disk=1)
    with pytest.raises(IronicRefusedError, match="3 GiB of disk"):
        ground.fleets.begin(ground.fleet(ground.image(), kind="partition", root_gib=3), "run-1")


def test_an_image_that_is_gone_is_named_before_anything_is_touched(ground: Ground) -> None:
    ground.machines(1)
    image = ground.image()
    ground.tenant.image.delete_image(str(image.glance))
    with pytest.raises(Exception, match=str(image.glance)):
        ground.fleets.begin(ground.fleet(image), "run-1")
    assert ground.ironic.allocations(ground.prefix) == {}


def test_what_ironic_will_not_deploy_is_said_in_its_words(ground: Ground) -> None:
    [machine] = ground.machines(1)
    fleet = ground.fleet(ground.image(), capabilities={"boot_mode": "nonsense"})
    outcome = ground.roll_out(fleet, "run-1")
    assert f"{machine}: Ironic refuses" in outcome.reason
    assert "nonsense" in outcome.reason


def test_a_partition_image_goes_with_its_kernel_and_ramdisk(ground: Ground) -> None:
    [machine] = ground.machines(1)
    kernel, ramdisk = ground.image(), ground.image()
    root = ground.image(kernel_id=str(kernel.glance), ramdisk_id=str(ramdisk.glance))
    parts = {
        name: {"digest": one.digest, "reference": one.reference, "glance": str(one.glance)}
        for name, one in (("kernel", kernel), ("ramdisk", ramdisk))
    }
    image = type(root).from_json({**root.to_json(), "parts": parts})
    ground.release(ground.fleet(image, kind="partition", root_gib=2), "run-1")
    info = ground.node(machine).body["instance_info"]
    assert (info["image_type"], info["root_gb"]) == ("partition", "2")
    assert (info["kernel"], info["ramdisk"]) == (str(kernel.glance), str(ramdisk.glance))


def test_a_node_that_is_taken_meanwhile_is_replaced_by_another(ground: Ground) -> None:
    """Ironic chooses among several; what is taken between choice and reservation is passed over."""
    machines = ground.machines(3)
    name = f"stranger-{uuid4().hex[:8]}"
    ground.system.baremetal.create_allocation(
        name=name, resource_class=ground.name, candidate_nodes=[machines[0]]
    )
    ground.release(ground.fleet(ground.image(), count=2), "run-1")
    used = {ground.node(one).body["instance_info"].get("slipway_run") for one in machines[1:]}
    assert used == {"run-1"}
    assert "slipway_run" not in ground.node(machines[0]).body["instance_info"]
    with pytest.raises(IronicRefusedError, match=f"{machines[0]}.*taken"):
        ground.fleets.begin(ground.fleet(ground.image(), count=3), "run-2")
    ground.system.baremetal.delete_allocation(name)


def test_health_is_asked_at_the_nodes_own_address(ground: Ground) -> None:
    ground.machines(1)
    health = {"port": 8099, "within_seconds": 30}
    fleet = ground.fleet(ground.image(), network="demo", health=health)
    watch = ground.fleets.begin(fleet, "run-1")
    [placed] = watch.nodes
    with socket.create_server((placed.address, 8099)):
        assert ground.follow(watch).state == "healthy"
    [port] = [one for one in ground.tenant.network.ports() if one.name == f"{ground.prefix}0"]
    assert port.fixed_ips[0]["ip_address"] == placed.address
    assert port.status == "ACTIVE"


def test_a_node_that_does_not_answer_is_tried_again_and_then_failed(ground: Ground) -> None:
    [machine] = ground.machines(1)
    health = {"port": 8099, "path": "/healthz", "within_seconds": 1}
    fleet = ground.fleet(ground.image(), network="demo", health=health)
    outcome = ground.roll_out(fleet, "run-1")
    assert f"{machine}: health: it did not answer within 1 s" in outcome.reason
    assert ground.node(machine).body["instance_info"]["slipway_try"] == 2


def test_another_resource_class_needs_other_nodes_and_that_is_said(ground: Ground) -> None:
    ground.machines(1)
    ground.release(ground.fleet(ground.image()), "run-1")
    changed = ground.fleet(ground.image(), resource_class="metal")
    with pytest.raises(
        IronicRefusedError, match=f"class {ground.name}, and a release rebuilds its nodes in place"
    ):
        ground.fleets.begin(changed, "run-2")
    assert ground.go_back(changed, "run-2").state == "healthy"


def test_an_unknown_network_is_answered_with_those_there_are(ground: Ground) -> None:
    with pytest.raises(IronicRefusedError, match=r"no network elsewhere.*demo"):
        ground.fleets.begin(ground.fleet(ground.image(), network="elsewhere"), "run-1")


def test_a_redfish_machine_is_switched_by_its_controller(lab: Lab, ground: Ground) -> None:
    """The lab's redfish machines answer Ironic; they are the tenant's to allocate."""
    del lab
    states = {name: ground.node(name).body for name in SYSTEMS}
    assert {body["provision_state"] for body in states.values()} == {"available"}
    ground.system.baremetal.set_node_power_state(SYSTEMS[1], "power on")
    assert wait_gone(lambda: ground.node(SYSTEMS[1]).body["power_state"] == "power on", SECONDS)
    ground.system.baremetal.set_node_power_state(SYSTEMS[1], "power off")
    assert wait_gone(lambda: ground.node(SYSTEMS[1]).body["power_state"] == "power off", SECONDS)


@pytest.mark.alone
def test_a_conductor_that_restarts_in_the_middle_costs_a_try(ground: Ground) -> None:
    machines = ground.machines(2)
    for name in machines:
        ground.steer(name, deploy={"delay": 6})
    fleet = ground.fleet(ground.image(), count=2, pacing={"at_once": 2})
    watch = ground.fleets.begin(fleet, "run-1")
    [service] = [one for one in services(ground_of(this_checkout())) if one.name == "ironic"]

    async def restarted() -> str:
        following = asyncio.create_task(ground.following(watch))
        assert await asyncio.to_thread(wait_gone, lambda: ground.states() == ["deploying"] * 2, SECONDS)
        for process in service.pids():
            os.killpg(process, signal.SIGKILL)
        service.stop()
        await asyncio.sleep(2)  # Ironic is away for several looks
        await asyncio.to_thread(service.start)
        return (await following).state

    assert asyncio.run(restarted()) == "healthy"
    tries = {ground.node(name).body["instance_info"]["slipway_try"] for name in machines}
    assert tries == {2}


def test_the_login_of_the_hook_reaches_ironic(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {
        "conn_type": "slipway_openstack",
        "host": lab["SLIPWAY_OPENSTACK_URL"],
        "login": lab["SLIPWAY_OPENSTACK_CREDENTIAL_ID"],
        "password": lab["SLIPWAY_OPENSTACK_CREDENTIAL_SECRET"],
        "extra": {"region": lab["SLIPWAY_OPENSTACK_REGION"]},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_OPENSTACK", json.dumps(connection))
    with OpenstackHook().get_conn() as cloud:
        assert "metal" in IronicClient(cloud).resource_classes()
