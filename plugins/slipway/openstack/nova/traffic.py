"""Where traffic comes to servers from, whichever kind of place it is."""

from __future__ import annotations

from collections.abc import Collection

from openstack.connection import Connection

from slipway.flow.nova.observed import Server
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.traffic import Led, Place, Pool, RecordSet
from slipway.openstack.designate import recordsets
from slipway.openstack.octavia import pools


def traffic(cloud: Connection, place: Place, tag: str) -> Led:
    """Return which of a deployment's servers it comes to."""
    match place:
        case Pool():
            return pools.traffic(cloud, place, tag)
        case RecordSet():
            return recordsets.traffic(cloud, place, tag)


def lead(cloud: Connection, place: Place, plan: NovaPlan, servers: Collection[Server]) -> None:
    """Lead it to these servers, and to no others of the deployment."""
    match place:
        case Pool():
            pools.lead(cloud, place, plan.tag, servers)
        case RecordSet():
            ttl = plan.nova.dns.ttl_seconds if plan.nova.dns else None
            recordsets.lead(cloud, place, plan.tag, servers, ttl)


def forget(cloud: Connection, place: Place, tag: str) -> None:
    """Remove what is left of servers that it does not come to any more."""
    if isinstance(place, Pool):
        pools.forget(cloud, place, tag)
