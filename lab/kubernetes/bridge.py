"""The pods' bridge, and the packet filter rules that let them out and others not in."""

from __future__ import annotations

from pathlib import Path

from lab.command import run
from lab.kubernetes.layout import BRIDGE, GATEWAY, POD_RANGE

CHAIN = "SLIPWAY-PODS"
RULES = f"""\
*filter
:{CHAIN} - [0:0]
-A {CHAIN} -i {BRIDGE} -j ACCEPT
-A {CHAIN} -o {BRIDGE} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-I FORWARD -j {CHAIN}
:{CHAIN}-DNS - [0:0]
-A {CHAIN}-DNS ! -i {BRIDGE} -d {GATEWAY} -j DROP
-I INPUT ! -i lo -j {CHAIN}-DNS
COMMIT
*nat
:{CHAIN} - [0:0]
-A {CHAIN} -s {POD_RANGE} ! -d {POD_RANGE} -j MASQUERADE
-I POSTROUTING -j {CHAIN}
COMMIT
"""
"""Pods reach what the machine reaches; an engine of docker's forwards nothing otherwise. From outside of the
machine nobody reaches the address that the cluster's DNS listens at."""


def ensure_bridge() -> None:
    """Make the bridge and its rules, unless they are there; pods are plugged into it.

    :raises LabError: when the machine's kernel or packet filter refuses.
    """
    if not Path("/sys/class/net", BRIDGE).exists():
        run(["ip", "link", "add", BRIDGE, "type", "bridge"], seconds=30)
        run(["ip", "address", "add", f"{GATEWAY}/{POD_RANGE.partition('/')[2]}", "dev", BRIDGE], seconds=30)
        run(["ip", "link", "set", BRIDGE, "up"], seconds=30)
    if f":{CHAIN} " not in run(["iptables-save", "-t", "filter"], seconds=30):
        run(["iptables-restore", "--noflush"], given=RULES, seconds=30)


def remove_bridge() -> None:
    """Remove the bridge.

    :raises LabError: when it stays.
    """
    if Path("/sys/class/net", BRIDGE).exists():
        run(["ip", "link", "delete", BRIDGE], seconds=30)
