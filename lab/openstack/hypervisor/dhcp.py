"""Addresses by DHCP, as Neutron chose them: https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html"""

from __future__ import annotations

import ipaddress

from lab.openstack.hypervisor.layout import BRIDGE, RANGE, Layout
from lab.process import Process

PACKAGES = ("dnsmasq-base", "dnsmasq-utils", "iproute2")


def dnsmasq(layout: Layout) -> Process:
    """Return the DHCP server: it knows no address but those in ``layout.ports``, which it watches."""
    network = ipaddress.ip_network(RANGE)
    options = {
        "conf-file": "/dev/null",
        "interface": BRIDGE,
        # No names, only addresses.
        "port": "0",
        "user": "root",
        "group": "root",
        "dhcp-range": f"{network.network_address},static,{network.netmask},1h",
        "dhcp-hostsdir": str(layout.ports),
        "dhcp-leasefile": str(layout.folder / "leases"),
        "pid-file": str(layout.folder / "dnsmasq.pid"),
    }
    flags = ["keep-in-foreground", "bind-interfaces", "dhcp-authoritative", "log-dhcp", "log-facility=-"]
    return Process(
        name="dnsmasq",
        command=[
            "dnsmasq",
            *(f"--{name}={value}" for name, value in options.items()),
            *(f"--{flag}" for flag in flags),
        ],
        paths=layout.cloud.ground.paths,
    )
