"""The machines: whose they are, what they have, and how each is driven.

https://docs.openstack.org/api-ref/baremetal/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from openstack.baremetal.v1.node import Node
from openstack.connection import Connection
from openstack.exceptions import SDKException

from lab.openstack import sushy
from lab.openstack.cloud import Cloud
from lab.openstack.login import PROJECT, administrator, identity, system
from lab.patience import stretched

OTHER = "other"
"""A project that Slipway has no login for."""
SECONDS = 120


@dataclass(frozen=True)
class Machine:
    """One node of Ironic. Project ``owner`` has it; ``lessee`` may use it; GiB of disk."""

    name: str
    resource_class: str
    owner: str = PROJECT
    lessee: str | None = None
    traits: tuple[str, ...] = ()
    disk: int = 20
    driver: str = "fake-hardware"
    interfaces: Mapping[str, str] = field(
        default_factory=lambda: {"deploy": "lab", "power": "lab", "network": "flat", "boot": "fake"}
    )
    cleaned: bool = True

    def body(self, projects: Mapping[str, str], controller: str = "") -> dict[str, Any]:
        """Return its record for Ironic.

        :param projects: ids by name.
        :param controller: address of the Redfish controllers.
        """
        redfish = {"redfish_address": controller, "redfish_system_id": self._system()}
        return {
            "name": self.name,
            "driver": self.driver,
            "driver_info": redfish if self.driver == "redfish" else {},
            "properties": {"cpus": 4, "memory_mb": 8192, "local_gb": self.disk, "cpu_arch": "x86_64"},
            "resource_class": self.resource_class,
            "owner": projects[self.owner],
            "lessee": projects[self.lessee] if self.lessee else None,
            "automated_clean": self.cleaned,
            **{f"{kind}_interface": name for kind, name in self.interfaces.items()},
        }

    def _system(self) -> str:
        return f"/redfish/v1/Systems/{sushy.system_id(self.name)}"


_AGENT = {"deploy": "direct", "power": "lab", "network": "noop", "boot": "fake"}
_VIRTUAL_MEDIA = {
    "deploy": "ramdisk",
    "power": "redfish",
    "management": "redfish",
    "network": "noop",
    "boot": "redfish-virtual-media",
}
MACHINES = (
    *(Machine(f"metal-{n}", "metal", traits=("CUSTOM_SSD",) if n < 4 else ()) for n in range(1, 7)),
    # Of the same class, and none of the tenant's business.
    *(Machine(f"metal-{n}", "metal", owner=OTHER) for n in range(7, 9)),
    Machine("leased-1", "leased", owner=OTHER, lessee=PROJECT),
    Machine("tiny-1", "tiny", disk=1),
    # It waits for an agent that the lab does not run.
    Machine("agent-1", "agent", interfaces=_AGENT, cleaned=False),
    *(
        Machine(name, "redfish", driver="redfish", interfaces=_VIRTUAL_MEDIA, cleaned=False)
        for name in sushy.SYSTEMS
    ),
)


def seed(cloud: Cloud) -> None:
    """Enroll the machines that are missing, and make those that never were it available."""
    with administrator(cloud) as admin:
        projects = {name: _project(admin, name) for name in (PROJECT, OTHER)}
    with system(cloud) as operator:
        _wait(lambda: bool(_conductors(operator)), "a conductor")
        have = {node.name for node in operator.baremetal.nodes()}
        for number, machine in enumerate(MACHINES, 1):
            if machine.name not in have:
                enroll(
                    operator, machine.body(projects, sushy.address(cloud)), machine.traits, sushy.mac(number)
                )
        make_available(operator, {machine.name for machine in MACHINES})


def enroll(operator: Connection, body: Mapping[str, Any], traits: tuple[str, ...], mac: str) -> Node:
    """Tell Ironic of a machine with one network card."""
    node: Node = operator.baremetal.create_node(**body)
    if traits:
        operator.baremetal.set_node_traits(node, list(traits))
    operator.baremetal.create_port(node_id=node.id, address=mac)
    return node


def make_available(operator: Connection, names: set[str]) -> None:
    """Take nodes that were only enrolled to ``available``, all at once.

    https://docs.openstack.org/ironic/latest/user/states.html
    """
    for state, verb, after in (("enroll", "manage", "manageable"), ("manageable", "provide", "available")):
        begun = {node.name for node in _nodes(operator, names) if node.provision_state == state}
        for name in begun:
            operator.baremetal.set_node_provision_state(name, verb)

        def through(begun: set[str] = begun, after: str = after) -> bool:
            return all(node.provision_state == after for node in _nodes(operator, begun))

        _wait(through, f"{', '.join(sorted(begun))} to be {after}")


def _nodes(operator: Connection, names: set[str]) -> list[Node]:
    fields = ["uuid", "name", "provision_state"]
    return [node for node in operator.baremetal.nodes(fields=fields) if node.name in names]


def _project(admin: Connection, name: str) -> str:
    keystone = identity(admin)
    found = keystone.find_project(name) or keystone.create_project(name=name, domain_id="default")
    return str(found.id)


def _conductors(operator: Connection) -> list[Any]:
    return [one for one in operator.baremetal.conductors() if one.alive]


def _wait(until: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + stretched(SECONDS)
    while not until():
        if time.monotonic() > deadline:
            raise SDKException(f"waited {stretched(SECONDS):.0f} s for {what}")
        time.sleep(0.2)
