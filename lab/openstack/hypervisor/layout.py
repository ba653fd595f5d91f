"""Where the hypervisor keeps things, and the network its servers are in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.openstack.cloud import Cloud

NETWORK = "real"
RANGE = "10.40.0.0/24"
GATEWAY = "10.40.0.1"
"""The bridge's address: this machine as its servers see it."""
BRIDGE = "slipway-real"
PHYSICAL_NETWORK = "real"
"""What Neutron calls the bridge: https://docs.openstack.org/neutron/latest/admin/config-ml2.html"""


@dataclass(frozen=True)
class Layout:
    """The folders of one lab's hypervisor."""

    cloud: Cloud

    @property
    def folder(self) -> Path:
        """All but the sockets."""
        return self.cloud.of("hypervisor")

    @property
    def sockets(self) -> Path:
        """libvirt's sockets, and its state as long as it runs."""
        return self.cloud.ground.paths.sockets / "libvirt"

    @property
    def uri(self) -> str:
        """How libvirt's clients reach it: https://libvirt.org/uri.html"""
        return f"qemu+unix:///system?socket={self.sockets}/libvirt-sock"

    @property
    def ports(self) -> Path:
        """One file for each port that Neutron bound to this host: what dnsmasq gives it."""
        return self.folder / "ports"

    @property
    def instances(self) -> Path:
        """The servers' disks."""
        return self.folder / "instances"

    @property
    def mounts(self) -> dict[Path, Path]:
        """libvirt's own folders of this machine, and what stands there for the lab's libvirt."""
        return {
            Path("/etc/libvirt"): self.folder / "etc",
            Path("/run/libvirt"): self.sockets,
            Path("/var/lib/libvirt"): self.folder / "lib",
            Path("/var/cache/libvirt"): self.folder / "cache",
            Path("/var/log/libvirt"): self.folder / "log",
        }
