"""A load balancer's pool and those of its members that are a deployment's.

They have the deployment's tag. One that is not to serve any more gets no new connections (weight 0) until it
is forgotten: what it has begun to answer, it ends. https://docs.openstack.org/api-ref/load-balancer/v2/
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import Any

from openstack import exceptions
from openstack.connection import Connection

from slipway.flow.nova.observed import Server
from slipway.flow.nova.spec import LoadBalancer
from slipway.flow.nova.traffic import Led, Pool
from slipway.openstack.choosing import one
from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.nova.errors import NovaConflictError, told
from slipway.openstack.services import offers, services

log = logging.getLogger(__name__)

SECONDS, PAUSE_SECONDS = 60.0, 0.5
"""How long a load balancer may take to take a change in, and to find its new members healthy."""
SERVES = ("ONLINE", "NO_MONITOR")
WEIGHT = 1


def resolve(cloud: Connection, wanted: LoadBalancer) -> Pool:
    """Return the pool that is asked for.

    :raises OpenstackError: when there is none, or no load balancer at all.
    """
    if not offers(services(cloud), "load-balancer"):
        raise OpenstackError(
            "vm.nova.load_balancer: the cloud has no Octavia (load balancer service). Remove load_balancer, "
            "and use floating_ips or dns."
        )
    known = cloud.load_balancer.pools(project_id=cloud.current_project_id)
    return Pool(id=str(one("load_balancer.pool", wanted.pool, known).id), port=wanted.port)


def traffic(cloud: Connection, pool: Pool, tag: str) -> Led:
    """Return which addresses of a deployment the pool sends connections to; none when the pool is gone."""
    with told(f"the members of pool {pool.id}"):
        try:
            found = _members(cloud, pool, tag)
        except exceptions.NotFoundException:
            return Led(frozenset())
    return Led(frozenset(str(one.address) for one in found if bool(one.weight) == _is_settled(one)))


def lead(cloud: Connection, pool: Pool, tag: str, servers: Collection[Server]) -> None:
    """Have the pool send connections to these servers and to no others of the deployment, in one change.

    :raises NovaConflictError: while the load balancer is busy with another change.
    :raises OpenstackError: when it does not take the change, or does not reach a server.
    :raises TransientOpenstackError: when it takes its time.
    """
    wanted = {server.address: server for server in servers}
    with told(f"the members of pool {pool.id}"):
        if _is_busy(cloud, pool):
            raise NovaConflictError(f"the load balancer of pool {pool.id} is busy with another change")
        known = {str(one.address): one for one in _members(cloud, pool, tag)}
        gone = [_member(pool, address, 0) for address in known.keys() - wanted.keys()]
        here = [
            _member(pool, address, WEIGHT) | {"name": server.name, "tags": [tag]}
            for address, server in wanted.items()
        ]
        answer = cloud.load_balancer.put(
            f"/lbaas/pools/{pool.id}/members?additive_only=true", json={"members": [*gone, *here]}
        )
        exceptions.raise_from_response(answer)
    _settle(cloud, pool, tag, wanted)


def forget(cloud: Connection, pool: Pool, tag: str) -> None:
    """Remove the deployment's members that get no connections; those that cannot be are left for later."""
    with told(f"the members of pool {pool.id}"):
        try:
            drained = [one for one in _members(cloud, pool, tag) if not one.weight]
            for member in drained:
                log.info("removing member %s of pool %s", member.name or member.address, pool.id)
                _remove(cloud, pool, member)
        except exceptions.NotFoundException:
            log.info("pool %s is gone", pool.id)


def _remove(cloud: Connection, pool: Pool, member: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return cloud.load_balancer.delete_member(member, pool.id)
        except exceptions.ConflictException:  # it is busy with the removal of the one before
            if time.monotonic() > deadline:
                log.warning("pool %s is busy: its member %s remains, without traffic", pool.id, member.name)
                return None
            time.sleep(PAUSE_SECONDS)


def _settle(cloud: Connection, pool: Pool, tag: str, wanted: Collection[str]) -> None:
    """Wait until the load balancer has taken the change in, and sends connections to all that it should."""
    deadline = time.monotonic() + SECONDS
    while True:
        with told(f"the members of pool {pool.id}"):
            busy = _is_busy(cloud, pool)
            members = [one for one in _members(cloud, pool, tag) if one.address in wanted]
        unreached = [one for one in members if one.operating_status not in SERVES]
        if not busy and not unreached:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(PAUSE_SECONDS)
    if busy:
        raise TransientOpenstackError(f"the load balancer of pool {pool.id} is busy for {SECONDS:.0f} s")
    said = ", ".join(f"{one.name} ({one.address}) {one.operating_status}" for one in unreached)
    raise OpenstackError(
        f"the health monitor of pool {pool.id} calls {said} after {SECONDS:.0f} s. They answer Slipway: "
        f"allow port {pool.port} from the load balancer's network in their security groups, or correct the "
        "monitor"
    )


def _is_busy(cloud: Connection, pool: Pool) -> bool:
    """Say whether a change of the pool or of its load balancer goes on.

    :raises OpenstackError: when one of them failed, and takes no change any more.
    """
    known: Any = cloud.load_balancer.get_pool(pool.id)
    balancers: list[Any] = [
        cloud.load_balancer.get_load_balancer(one["id"]) for one in known.loadbalancers or ()
    ]
    states = {str(part.provisioning_status) for part in (known, *balancers)}
    if "ERROR" in states:
        raise OpenstackError(
            f"pool {known.name or pool.id} or its load balancer is in ERROR, and accepts no servers. Have "
            "the load balancer fail over (openstack loadbalancer failover), or repaired, and start the run "
            "again"
        )
    return any(state.startswith("PENDING") for state in states)


def _members(cloud: Connection, pool: Pool, tag: str) -> list[Any]:
    found = cloud.load_balancer.members(pool.id)
    return [one for one in found if tag in (one.tags or ()) and one.protocol_port == pool.port]


def _is_settled(member: Any) -> bool:
    return bool(member.provisioning_status == "ACTIVE")


def _member(pool: Pool, address: str, weight: int) -> dict[str, Any]:
    return {"address": address, "protocol_port": pool.port, "weight": weight}
