"""The lab's Ironic: whose the machines are, what they refuse, how they are steered."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import openstack
import pytest
from openstack import exceptions
from openstack.connection import Connection

from lab.access import Lab
from lab.ground import ground_of
from lab.openstack import machines
from lab.openstack.cloud import Cloud
from lab.openstack.sushy import SYSTEMS, address, system_id
from lab.paths import this_checkout
from lab.process import wait_gone

pytestmark = pytest.mark.lab

SECONDS = 120
VERSION = "1.65"


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud(ground_of(this_checkout()))


def login(lab: Lab, name: str) -> Connection:
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    return Connection(config=config.get_one(name, api_timeout=60))


@pytest.fixture(scope="module")
def tenant(lab: Lab) -> Iterator[Connection]:
    with login(lab, "slipway") as connection:
        yield connection


@pytest.fixture(scope="module")
def system(lab: Lab) -> Iterator[Connection]:
    with login(lab, "system") as connection:
        yield connection


def test_the_tenant_sees_what_it_owns_or_leases_and_nothing_else(tenant: Connection) -> None:
    seen = {node.name for node in tenant.baremetal.nodes()}
    for machine in machines.MACHINES:
        theirs = machine.owner != "demo" and machine.lessee != "demo"
        assert (machine.name not in seen) == theirs


def test_the_machines_are_as_they_are_documented(system: Connection) -> None:
    found = {node.name: node for node in system.baremetal.nodes(details=True)}
    for machine in machines.MACHINES:
        node = found[machine.name]
        assert (node.resource_class, node.driver) == (machine.resource_class, machine.driver)
        assert node.properties["local_gb"] == machine.disk
        assert set(system.baremetal.get_node(node.id).traits) == set(machine.traits)
        assert node.power_state in ("power on", "power off")


def test_seeding_again_changes_nothing(cloud: Cloud, system: Connection) -> None:
    names = {machine.name for machine in machines.MACHINES}

    def seeded() -> list[tuple[str, str]]:
        nodes = [node for node in system.baremetal.nodes() if node.name in names]
        return sorted((node.name, node.id) for node in nodes)

    before = seeded()
    machines.seed(cloud)
    assert seeded() == before
    assert {name for name, _ in before} == names


def test_the_tenant_enrolls_no_machine_and_takes_no_foreign_one(
    tenant: Connection, system: Connection
) -> None:
    with pytest.raises(exceptions.SDKException):
        tenant.baremetal.create_node(driver="fake-hardware", name=f"mine-{uuid4().hex[:8]}")
    foreign = next(node for node in system.baremetal.nodes() if node.name == "metal-7")
    for path, body in (
        (f"/nodes/{foreign.id}/states/provision", {"target": "active"}),
        (f"/nodes/{foreign.id}/states/power", {"target": "power on"}),
    ):
        answer = tenant.baremetal.put(path, json=body, microversion=VERSION)
        assert answer.status_code in (403, 404)


def test_the_redfish_machines_answer_by_their_controllers(cloud: Cloud, system: Connection) -> None:
    for name in SYSTEMS:
        path = f"{address(cloud)}/redfish/v1/Systems/{system_id(name)}"
        said = httpx.get(path, timeout=10, trust_env=False).raise_for_status().json()
        assert said["Name"] == name
        info = system.baremetal.get_node(name).driver_info
        assert info["redfish_system_id"] == f"/redfish/v1/Systems/{system_id(name)}"


def test_a_redfish_machine_is_enrolled_and_switched_by_its_controller(
    cloud: Cloud, system: Connection, tenant: Connection
) -> None:
    project = str(tenant.current_project_id)
    machine = machines.Machine(
        f"redfish-{uuid4().hex[:8]}",
        "redfish-test",
        driver="redfish",
        interfaces=dict(next(one for one in machines.MACHINES if one.driver == "redfish").interfaces),
        cleaned=False,
    )
    body = machine.body({"demo": project}, address(cloud))
    body["driver_info"]["redfish_system_id"] = f"/redfish/v1/Systems/{system_id(SYSTEMS[1])}"
    taken = system.baremetal.get_node(SYSTEMS[1])
    system.baremetal.set_node_maintenance(taken, reason="a test has its controller")
    node = machines.enroll(system, body, (), "02:51:1b:ff:ff:01")
    try:
        machines.make_available(system, {machine.name})
        state = system.baremetal.get_node(node.id).provision_state
        assert state == "available"
        system.baremetal.set_node_power_state(node, "power on")
        assert wait_gone(lambda: system.baremetal.get_node(node.id).power_state == "power on", SECONDS)
        path = f"{address(cloud)}/redfish/v1/Systems/{system_id(SYSTEMS[1])}"
        assert httpx.get(path, timeout=10, trust_env=False).json()["PowerState"] == "On"
        system.baremetal.set_node_power_state(node, "power off")
        assert wait_gone(lambda: system.baremetal.get_node(node.id).power_state == "power off", SECONDS)
    finally:
        system.baremetal.set_node_maintenance(node, reason="the test is over")
        system.baremetal.delete_node(node)
        system.baremetal.unset_node_maintenance(taken)


def test_an_instance_without_an_image_is_refused_by_ironics_own_validation(tenant: Connection) -> None:
    node = next(node for node in tenant.baremetal.nodes() if node.name == "tiny-1")
    answer = tenant.baremetal.get(f"/nodes/{node.id}/validate", microversion=VERSION).json()
    assert answer["deploy"]["result"] is False
    assert "image_source" in answer["deploy"]["reason"]
