"""What a tenant's servers may be, and how many: https://docs.openstack.org/api-ref/compute/"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.openstack.cloud import Cloud
from lab.openstack.login import administrator, tenant


@dataclass(frozen=True)
class Flavor:
    """A size: MiB of memory, GiB of disk."""

    name: str
    vcpus: int
    ram: int
    disk: int


FLAVORS = (
    Flavor("small", vcpus=1, ram=512, disk=1),
    Flavor("medium", vcpus=2, ram=2048, disk=10),
    Flavor("large", vcpus=4, ram=8192, disk=20),
    # No hypervisor of the lab has that much memory: "No valid host was found".
    Flavor("giant", vcpus=8, ram=2 << 20, disk=20),
    # More than the tenant's quota: refused.
    Flavor("excess", vcpus=1024, ram=8192, disk=20),
)
QUOTA: Mapping[str, Any] = {
    "cores": 800,
    "instances": 300,
    "ram": 8 << 20,
    "key_pairs": 100,
    "server_groups": 100,
}


def seed(cloud: Cloud) -> None:
    """Make the flavors and set the tenant's quota."""
    with administrator(cloud) as admin:
        have = {flavor.name for flavor in admin.compute.flavors()}
        for flavor in FLAVORS:
            if flavor.name not in have:
                admin.compute.create_flavor(
                    name=flavor.name, vcpus=flavor.vcpus, ram=flavor.ram, disk=flavor.disk
                )
        admin.compute.update_quota_set(tenant(admin), **QUOTA)
