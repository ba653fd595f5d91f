"""The nodes' ports in the tenant's network, each named like its allocation.

https://docs.openstack.org/api-ref/network/v2/#ports
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openstack.connection import Connection

from slipway.flow.property_keys import CloudKey
from slipway.openstack.ironic.errors import IronicRefusedError, told


@dataclass(frozen=True)
class Ports:
    """Ports of one project."""

    cloud: Connection

    def network(self, name: str) -> str:
        """Return a network's id.

        :raises IronicRefusedError: when the project sees none, or more than one, of this name.
        """
        with told(f"network {name}"):
            found = {network.id: network for network in self.cloud.network.networks(name=name)}
            by_id: Any = None if found else self.cloud.network.find_network(name)
        if by_id is not None:
            found[by_id.id] = by_id
        if len(found) == 1:
            return str(next(iter(found)))
        known = ", ".join(sorted({network.name for network in self.cloud.network.networks()}))
        several = f"{len(found)} networks are called" if found else "Neutron has no network"
        raise IronicRefusedError(
            f"{several} {name}. The project sees: {known or 'none'}. Give the id of one."
        )

    def ensure(self, name: str, network: str, run: str) -> tuple[str, str]:
        """Return id and address of the port with this name, made when it is not there.

        :param network: id.
        """
        with told(f"port {name}"):
            port: Any = next(iter(self.cloud.network.ports(name=name, network_id=network)), None)
            if port is None:
                port = self.cloud.network.create_port(
                    name=name, network_id=network, description=f"{CloudKey.RUN}={run}"
                )
                self.cloud.network.set_tags(port, ["slipway"])
            return str(port.id), str(port.fixed_ips[0]["ip_address"]) if port.fixed_ips else ""

    def addresses(self, prefix: str) -> dict[int, str]:
        """Return the addresses of the ports whose names are ``prefix`` and an index, by index."""
        found = {}
        for port in self._named(prefix):
            if port.fixed_ips:
                found[int(port.name.removeprefix(prefix))] = str(port.fixed_ips[0]["ip_address"])
        return found

    def delete(self, prefix: str, keep: int) -> None:
        """Delete the ports whose names are ``prefix`` and an index of ``keep`` or more."""
        for port in self._named(prefix):
            if int(port.name.removeprefix(prefix)) >= keep:
                with told(f"port {port.name}"):
                    self.cloud.network.delete_port(port.id)

    def _named(self, prefix: str) -> list[Any]:
        with told("the ports"):
            ports = list(self.cloud.network.ports(fields=["id", "name", "fixed_ips"]))
        return [
            port for port in ports if port.name.startswith(prefix) and port.name[len(prefix) :].isdecimal()
        ]
