"""A compute host that boots its servers: Nova's own driver for libvirt, its taps plugged into a bridge.

https://docs.openstack.org/nova/latest/admin/configuration/hypervisor-kvm.html
"""

from __future__ import annotations

import subprocess
from typing import Any

from nova.compute.manager import ComputeManager
from nova.virt.libvirt.driver import LibvirtDriver
from nova.virt.libvirt.vif import LibvirtGenericVIFDriver

TRAIT = "CUSTOM_REAL"


class Taps(LibvirtGenericVIFDriver):
    """Nova makes a tap, and leaves it to a network's agent to plug it; here is no agent."""

    def plug(self, instance: Any, vif: Any) -> None:
        """Make the tap, and plug it into the bridge that Neutron's binding names."""
        super().plug(instance, vif)
        link = ["ip", "link", "set", "dev", self.get_vif_devname(vif)]
        bridge = vif["details"]["bridge_name"]
        subprocess.run([*link, "master", bridge, "up"], check=True, timeout=30)


class RealDriver(LibvirtDriver):
    """Servers as qemu's processes."""

    def __init__(self, virtapi: Any, read_only: bool = False) -> None:
        super().__init__(virtapi, read_only)
        self.vif_driver = Taps(self._host)

    def update_provider_tree(self, provider_tree: Any, nodename: str, allocations: Any = None) -> None:
        """Tell Placement what this host is, besides what it has."""
        super().update_provider_tree(provider_tree, nodename, allocations)
        provider_tree.add_traits(nodename, TRAIT)


class Manager(ComputeManager):
    """A compute host with this driver, beside others in the process that have the settings' one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("real.RealDriver", *args, **kwargs)
