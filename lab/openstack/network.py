"""The tenant's network and its rules: https://docs.openstack.org/api-ref/network/v2/"""

from __future__ import annotations

from typing import Any

from openstack.connection import Connection

from lab.openstack.cloud import Cloud
from lab.openstack.login import administrator, tenant

NETWORK = "demo"
RANGE = "10.20.0.0/16"
GROUP = "web"
OPEN_PORTS = (22, 80)
QUOTA = {"ports": 500, "security_groups": 50}


def seed(cloud: Cloud) -> None:
    """Make the network with its subnet, the security group, and the tenant's quota."""
    with administrator(cloud) as admin:
        project = tenant(admin)
        _ensure_network(admin, project)
        _ensure_group(admin, project)
        admin.network.update_quota(project, **QUOTA)


def _ensure_network(admin: Connection, project: str) -> None:
    network: Any = admin.network.find_network(NETWORK, project_id=project)
    network = network or admin.network.create_network(name=NETWORK, project_id=project)
    if not admin.network.find_subnet(NETWORK, network_id=network.id):
        admin.network.create_subnet(
            name=NETWORK, network_id=network.id, project_id=project, ip_version=4, cidr=RANGE
        )


def _ensure_group(admin: Connection, project: str) -> None:
    group: Any = admin.network.find_security_group(GROUP, project_id=project)
    group = group or admin.network.create_security_group(name=GROUP, project_id=project)
    rules = admin.network.security_group_rules(security_group_id=group.id, direction="ingress")
    have = {rule.port_range_min for rule in rules}
    for port in set(OPEN_PORTS) - have:
        admin.network.create_security_group_rule(
            security_group_id=group.id,
            project_id=project,
            direction="ingress",
            protocol="tcp",
            port_range_min=port,
            port_range_max=port,
        )
