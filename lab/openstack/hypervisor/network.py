"""The network of servers that boot: https://docs.openstack.org/api-ref/network/v2/"""

from __future__ import annotations

from typing import Any

from lab.openstack.cloud import Cloud
from lab.openstack.hypervisor.layout import GATEWAY, NETWORK, PHYSICAL_NETWORK, RANGE
from lab.openstack.login import administrator, tenant


def seed(cloud: Cloud) -> None:
    """Make the tenant's network on the bridge, with its subnet."""
    with administrator(cloud) as admin:
        project = tenant(admin)
        network: Any = admin.network.find_network(NETWORK) or admin.network.create_network(
            name=NETWORK,
            project_id=project,
            provider_network_type="flat",
            provider_physical_network=PHYSICAL_NETWORK,
        )
        if not admin.network.find_subnet(NETWORK, network_id=network.id):
            admin.network.create_subnet(
                name=NETWORK,
                network_id=network.id,
                project_id=project,
                ip_version=4,
                cidr=RANGE,
                gateway_ip=GATEWAY,
            )
