"""Servers as Nova lists them, become those that decisions are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from openstack.connection import Connection

from slipway.flow.nova.marks import Mark
from slipway.flow.nova.observed import Server
from slipway.flow.property_keys import CloudKey
from slipway.openstack.nova.errors import told

TAGS_A_CALL = 50
"""A tag has 24 characters, and some proxies end an address at 4 KiB."""


def list_servers(cloud: Connection, tags: Sequence[str]) -> list[Server]:
    """Return the servers that have one of these tags; one call for each 50 tags.

    https://docs.openstack.org/api-ref/compute/#list-servers-detailed
    """
    found = []
    for first in range(0, len(tags), TAGS_A_CALL):
        any_tags = ",".join(tags[first : first + TAGS_A_CALL])
        with told("the list of servers"):
            found += list(cloud.compute.servers(details=True, any_tags=any_tags))
    return [server for one in found if (server := _server(one)) is not None]


def address_of(server: Any, label: str) -> str:
    """Return the first address of its own that a server has: in network ``label``, when it is there."""
    networks = server.addresses or {}
    chosen: Iterable[Any] = [networks[label]] if label in networks else networks.values()
    own = [one for entries in chosen for one in entries if one.get("OS-EXT-IPS:type") != "floating"]
    by_family = sorted(own, key=lambda one: one.get("version", 4))
    return str(by_family[0]["addr"]) if by_family else ""


def _server(one: Any) -> Server | None:
    mark = Mark.read(one.metadata or {})
    if mark is None:
        return None
    return Server(
        id=one.id,
        name=one.name,
        status=one.status or "UNKNOWN",
        task=one.task_state or "",
        created=datetime.fromisoformat(one.created_at),
        mark=mark,
        address=address_of(one, (one.metadata or {}).get(CloudKey.NETWORK, "")),
        fault=str((one.fault or {}).get("message", ""))[:1000],
    )
