"""The bridge that servers' interfaces are plugged into: https://man7.org/linux/man-pages/man8/ip-link.8.html"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from lab.command import run
from lab.openstack.hypervisor.layout import BRIDGE, GATEWAY, RANGE

INTERFACES = Path("/sys/class/net")


def make_bridge() -> None:
    """Make the bridge, with this machine's address in the servers' network.

    :raises LabError: when it cannot be made.
    """
    if not (INTERFACES / BRIDGE).exists():
        run(["ip", "link", "add", BRIDGE, "type", "bridge"], seconds=10)
    address = f"{GATEWAY}/{ipaddress.ip_network(RANGE).prefixlen}"
    run(["ip", "address", "replace", address, "dev", BRIDGE], seconds=10)
    run(["ip", "link", "set", BRIDGE, "up"], seconds=10)


def remove_bridge() -> None:
    """Remove the bridge and what is plugged into it."""
    if not (INTERFACES / BRIDGE).exists():
        return
    for plugged in (INTERFACES / BRIDGE / "brif").iterdir():
        run(["ip", "link", "delete", plugged.name], seconds=10)
    run(["ip", "link", "delete", BRIDGE], seconds=10)


def has_bridge() -> bool:
    """Say whether it is there."""
    return (INTERFACES / BRIDGE).exists()
