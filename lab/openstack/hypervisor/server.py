"""The hypervisor as one of the lab's servers: what Nova's compute host needs of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from openstack.exceptions import SDKException

from lab.openstack.cloud import Cloud
from lab.openstack.hypervisor import bindings, dhcp, libvirtd, network
from lab.openstack.hypervisor.bridge import has_bridge, make_bridge, remove_bridge
from lab.openstack.hypervisor.layout import Layout
from lab.process import Process
from lab.server import LabError


@dataclass(frozen=True)
class Hypervisor:
    """libvirt's daemon, the bridge with its DHCP server, and the network that Neutron has there."""

    cloud: Cloud
    name: str = "hypervisor"
    needs: tuple[str, ...] = ("neutron",)

    @property
    def packages(self) -> tuple[str, ...]:
        """libvirt, qemu and dnsmasq, and what compiles libvirt's bindings."""
        return (*libvirtd.PACKAGES, *dhcp.PACKAGES, *bindings.packages())

    @property
    def layout(self) -> Layout:
        """Where it keeps things."""
        return Layout(self.cloud)

    @property
    def url(self) -> str:
        """libvirt's address, for ``virsh --connect``."""
        return self.layout.uri

    def start(self) -> None:
        """Start what is not up, and tell Neutron of the network.

        :raises LabError: when a part does not come up.
        """
        for folder in (self.layout.ports, self.layout.instances):
            folder.mkdir(parents=True, exist_ok=True)
        self.cloud.distribution.make()
        bindings.make_bindings(self.cloud.distribution, self.cloud.ground.paths.logs / "libvirt-python.log")
        make_bridge()
        self._dnsmasq.start()
        self._libvirtd.start()
        try:
            network.seed(self.cloud)
        except SDKException as error:
            raise LabError(f"Neutron refused the hypervisor's network: {error}") from error

    def stop(self) -> None:
        """End the servers' processes, the daemon and dnsmasq; remove the bridge."""
        self._libvirtd.stop()
        self._dnsmasq.stop()
        remove_bridge()

    def is_up(self) -> bool:
        """Say whether its parts are there, and libvirt answers."""
        return has_bridge() and self._dnsmasq.pid is not None and self._libvirtd.answers()

    def pids(self) -> tuple[int, ...]:
        """The daemons'; servers' processes are libvirt's."""
        return tuple(pid for pid in (self._libvirtd.process.pid, self._dnsmasq.pid) if pid is not None)

    def exports(self) -> Mapping[str, str]:
        """libvirt's address."""
        return {"SLIPWAY_LIBVIRT_URI": self.layout.uri}

    @property
    def _libvirtd(self) -> libvirtd.Libvirtd:
        return libvirtd.Libvirtd(self.layout)

    @property
    def _dnsmasq(self) -> Process:
        return dhcp.dnsmasq(self.layout)
