"""The addresses of servers that have no machine: this machine answers at them.

A program that listens at a server's address then stands for what would run there, and an address at which
nobody listens refuses at once. https://man7.org/linux/man-pages/man8/ip-route.8.html
"""

from __future__ import annotations

from lab.command import run
from lab.openstack.cloud import Cloud
from lab.openstack.network import RANGE

ROUTE = ("local", RANGE, "dev", "lo")


def seed(_: Cloud) -> None:
    """Take the tenant's addresses for this machine's."""
    run(["ip", "route", "replace", *ROUTE], seconds=10)


def clear(_: Cloud) -> None:
    """Take them for this machine's no longer."""
    if run(["ip", "route", "show", "table", "local", "exact", RANGE], seconds=10).strip():
        run(["ip", "route", "delete", *ROUTE], seconds=10)
