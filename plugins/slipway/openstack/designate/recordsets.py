"""A name's addresses, which are those of a deployment's servers: https://docs.openstack.org/api-ref/dns/

Whose it is, its description says.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import NotFoundException

from slipway.flow.nova.observed import Server
from slipway.flow.nova.spec import ServerName
from slipway.flow.nova.traffic import Led, RecordSet
from slipway.openstack.choosing import listed
from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.nova.errors import told
from slipway.openstack.services import offers, services

TYPES = ("A", "AAAA")
SECONDS, PAUSE_SECONDS = 60.0, 0.5
"""For which the name servers may take to serve a change."""


def resolve(cloud: Connection, wanted: ServerName, tag: str) -> RecordSet:
    """Return the name in its zone.

    :param tag: of the deployment that the name is to lead to.
    :raises OpenstackError: when no zone of the project can hold it, or it belongs to another.
    """
    if not offers(services(cloud), "dns"):
        raise OpenstackError(
            "vm.nova.dns: the cloud has no Designate (DNS service). Remove dns, and use floating_ips or "
            "load_balancer."
        )
    zones = {str(zone.name): str(zone.id) for zone in cloud.dns.zones()}
    name = max((zone for zone in zones if f".{wanted.name}".endswith(f".{zone}")), key=len, default="")
    if not name:
        raise OpenstackError(
            f"vm.nova.dns.name: {wanted.name} is in no zone of the project. Its zones: {listed(zones)}. "
            "Create one with `openstack zone create`."
        )
    place = RecordSet(zone=zones[name], name=wanted.name)
    for found in cloud.dns.recordsets(place.zone, name=place.name):
        if found.type in (*TYPES, "CNAME") and found.description != tag:
            whose = found.description or "without a description"
            raise OpenstackError(
                f"vm.nova.dns.name: {wanted.name} leads to {', '.join(found.records)} in a record set that "
                f"Slipway did not make ({whose}). Choose another name, or delete that record set: "
                f"`openstack recordset delete {place.zone} {found.id}`."
            )
    return place


def traffic(cloud: Connection, place: RecordSet, tag: str) -> Led:
    """Return which addresses a name leads to; none when the zone is gone."""
    with told(f"name {place.name}"):
        try:
            found = _records(cloud, place, tag)
        except NotFoundException:
            return Led(frozenset())
    settled = [one for one in found if one.status == "ACTIVE"]
    # What was just made has no older answer.
    changed = [_moment(one.updated_at) + timedelta(seconds=one.ttl or 0) for one in settled if one.updated_at]
    addresses = frozenset(address for one in settled for address in one.records)
    return Led(addresses, max(changed, default=None))


def lead(
    cloud: Connection, place: RecordSet, tag: str, servers: Collection[Server], ttl_seconds: int | None
) -> None:
    """Point the name to these servers alone, and wait until the name servers serve that.

    :param ttl_seconds: how long others may keep the answer; None for what it was, or the zone's.
    :raises ConflictError: when the name belongs to another, or another changes it.
    :raises TransientOpenstackError: when the name servers take their time.
    """
    addresses = sorted(server.address for server in servers)
    ttl = {} if ttl_seconds is None else {"ttl": ttl_seconds}
    with told(f"name {place.name}"):
        known = {one.type: one for one in _records(cloud, place, tag)}
        for kind in TYPES:
            wanted = [one for one in addresses if (":" in one) == (kind == "AAAA")]
            if wanted and kind in known:
                cloud.dns.update_recordset(known[kind], records=wanted, **ttl)
            elif wanted:
                cloud.dns.create_recordset(
                    place.zone, name=place.name, type=kind, records=wanted, description=tag, **ttl
                )
            elif kind in known:
                cloud.dns.delete_recordset(known[kind], place.zone)
    _settle(cloud, place, tag)


def _settle(cloud: Connection, place: RecordSet, tag: str) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        with told(f"name {place.name}"):
            states = {one.status for one in _records(cloud, place, tag)}
        if "ERROR" in states:
            raise OpenstackError(
                f"Designate's name servers refuse {place.name}: it is in ERROR. Have Designate's worker and "
                "pool checked, and start the run again"
            )
        if states <= {"ACTIVE"}:
            return
        if time.monotonic() > deadline:
            raise TransientOpenstackError(f"{place.name} is {', '.join(sorted(states))} for {SECONDS:.0f} s")
        time.sleep(PAUSE_SECONDS)


def _records(cloud: Connection, place: RecordSet, tag: str) -> list[Any]:
    found = cloud.dns.recordsets(place.zone, name=place.name)
    return [one for one in found if one.type in TYPES and one.description == tag]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
