"""The tenant's network and its rules, and the way out: https://docs.openstack.org/api-ref/network/v2/"""

from __future__ import annotations

from typing import Any

from openstack.connection import Connection

from lab.openstack.cloud import Cloud
from lab.openstack.login import administrator, tenant

NETWORK = "demo"
RANGE = "10.20.0.0/16"
PUBLIC = "public"
PUBLIC_RANGE = "10.30.0.0/24"
GROUP = "web"
OPEN_PORTS = (22, 80)
QUOTA = {"ports": 500, "security_groups": 50, "floating_ips": 100}


def seed(cloud: Cloud) -> None:
    """Make the networks with their subnets and the router between, the security group, and the quota."""
    with administrator(cloud) as admin:
        project = tenant(admin)
        inside = _ensure_network(admin, NETWORK, RANGE, project_id=project)
        outside = _ensure_network(admin, PUBLIC, PUBLIC_RANGE, is_router_external=True)
        _ensure_router(admin, project, inside, outside)
        _ensure_group(admin, project)
        admin.network.update_quota(project, **QUOTA)


def _ensure_network(admin: Connection, name: str, cidr: str, **given: Any) -> Any:
    network: Any = admin.network.find_network(name) or admin.network.create_network(name=name, **given)
    if not admin.network.find_subnet(name, network_id=network.id):
        owner = {"project_id": network.project_id}
        admin.network.create_subnet(name=name, network_id=network.id, ip_version=4, cidr=cidr, **owner)
    return network


def _ensure_router(admin: Connection, project: str, inside: Any, outside: Any) -> None:
    router: Any = admin.network.find_router(NETWORK, project_id=project)
    router = router or admin.network.create_router(
        name=NETWORK, project_id=project, external_gateway_info={"network_id": outside.id}
    )
    if not list(admin.network.ports(device_id=router.id, network_id=inside.id)):
        subnet: Any = admin.network.find_subnet(NETWORK, ignore_missing=False)
        admin.network.add_interface_to_router(router, subnet=subnet.id)


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
