"""Floating IPs: https://docs.openstack.org/api-ref/network/v2/#floating-ips-floatingips"""

from __future__ import annotations

from collections.abc import Sequence

from openstack.connection import Connection

from slipway.flow.nova.observed import Server
from slipway.openstack.errors import OpenstackError
from slipway.openstack.nova.errors import NovaConflictError, told


def floating_ips(cloud: Connection, addresses: Sequence[str]) -> dict[str, str]:
    """Return the id of the server that has each of these addresses; "" when none has it."""
    with told("floating IPs"):
        known = {
            str(one.floating_ip_address): one.port_id
            for one in cloud.network.ips(project_id=cloud.current_project_id)
        }
        ports = {port for address in addresses if (port := known.get(address))}
        owners = {port: str(cloud.network.get_port(port).device_id or "") for port in ports}
    return {address: owners.get(known[address], "") for address in addresses if address in known}


def attach(cloud: Connection, address: str, server: Server, network: str) -> None:
    """Give an address to a server, from whoever has it."""
    with told(f"floating IP {address}"):
        found = next(iter(cloud.network.ips(floating_ip_address=address)), None)
        ports = list(cloud.network.ports(device_id=server.id, network_id=network))
        if found is None:
            raise OpenstackError(
                f"the project has no floating IP {address} any more. Create it again, or remove it from "
                "slipway.yaml."
            )
        if not ports:
            raise NovaConflictError(f"server {server.name} has no port yet")
        cloud.network.update_ip(found, port_id=ports[0].id)
