"""Lets Ironic choose nodes: by resource class and traits, from those of the project, never by a list.

https://docs.openstack.org/ironic/latest/admin/allocation-api.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.property_keys import CloudKey
from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.ironic.errors import IronicConflictError, IronicRefusedError
from slipway.openstack.ironic.ironic import Allocation, IronicClient, Node

log = logging.getLogger(__name__)

WAIT_SECONDS, PAUSE_SECONDS = 60.0, 0.5
TRIES = 3
"""A node that was free may be taken, or locked, when it is to be reserved."""
SHOWN = 8


def allocate(
    ironic: IronicClient, fleet: IronicPlan, prefix: str, run: str, count: int
) -> Mapping[int, Allocation]:
    """Return the fleet's first allocations by index, each with a node; those that are missing are made.

    :param count: how many.
    :raises IronicRefusedError: when there are not enough nodes; it says which there are.
    """
    for tries in range(1, TRIES + 1):
        have = ironic.allocations(prefix)
        _refuse_another_class(fleet, have)
        for index in range(count):
            if index not in have:
                _create(ironic, fleet, f"{prefix}{index}", run)
        found = _settled(ironic, prefix, count)
        failed = {index: one for index, one in found.items() if one.state == "error"}
        if not failed:
            return found
        if len(free_nodes(ironic, fleet)) < len(failed) or tries == TRIES:
            break
        log.warning("%d nodes were taken by others during the choice; choosing again", len(failed))
        for index, one in failed.items():
            # The first one carries the ledger: it is made anew with it.
            ironic.delete_allocation(one.id)
            _create(ironic, fleet, f"{prefix}{index}", run, one.extra)
    raise IronicRefusedError(_refusal(ironic, fleet, failed))


def free_nodes(ironic: IronicClient, fleet: IronicPlan) -> list[Node]:
    """Return the nodes that Ironic may choose."""
    return [node for node in ironic.nodes_of(fleet.ironic.resource_class) if _is_free(node, fleet)]


def _refuse_another_class(fleet: IronicPlan, have: Mapping[int, Allocation]) -> None:
    wanted = fleet.ironic.resource_class
    for index, one in have.items():
        if index < fleet.ironic.count and one.resource_class != wanted:
            raise IronicRefusedError(
                f"{one.name} is a node of resource class {one.resource_class}, and a release rebuilds its "
                f"nodes in place. For nodes of class {wanted}, give the application another name, or "
                "undeploy it first (openstack baremetal node undeploy NODE)"
            )


def _create(
    ironic: IronicClient, fleet: IronicPlan, name: str, run: str, extra: Mapping[str, object] | None = None
) -> None:
    mine = {
        CloudKey.APPLICATION: fleet.application,
        CloudKey.ENVIRONMENT: fleet.environment,
        CloudKey.RUN: run,
    }
    wanted = fleet.ironic
    try:
        ironic.create_allocation(name, wanted.resource_class, wanted.traits, extra or mine)
    except IronicConflictError:
        if ironic.find_allocation(name) is None:
            raise
        log.debug("allocation %s already exists", name)


def _settled(ironic: IronicClient, prefix: str, count: int) -> dict[int, Allocation]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = {index: one for index, one in ironic.allocations(prefix).items() if index < count}
        if len(found) == count and all(one.state != "allocating" for one in found.values()):
            return found
        if time.monotonic() > deadline:
            raise TransientOpenstackError(f"Ironic has not processed {count} allocations in time")
        time.sleep(PAUSE_SECONDS)


def _is_free(node: Node, fleet: IronicPlan) -> bool:
    body = node.body
    return (
        body["provision_state"] == "available"
        and not body["maintenance"]
        and not body["instance_uuid"]
        and set(fleet.ironic.traits) <= set(body.get("traits") or ())
    )


def _refusal(ironic: IronicClient, fleet: IronicPlan, failed: Mapping[int, Allocation]) -> str:
    wanted = fleet.ironic
    of = f"resource class {wanted.resource_class}" + (
        f" with traits {', '.join(wanted.traits)}" if wanted.traits else ""
    )
    said = next(iter(failed.values())).last_error
    nodes = ironic.nodes_of(wanted.resource_class)
    if not nodes:
        known = ", ".join(ironic.resource_classes()) or "none"
        return (
            f"no node of {of}: the project's nodes have the resource classes {known}. Ironic reports: {said}"
        )
    shown = "; ".join(_shown(node) for node in nodes[:SHOWN])
    more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
    return (
        f"{len(failed)} of {wanted.count} nodes of {of} are missing. The project has {shown}{more}. Free "
        f"some, or lower count. Ironic reports: {said}"
    )


def _shown(node: Node) -> str:
    body = node.body
    traits = f" {','.join(body['traits'])}" if body.get("traits") else ""
    taken = ", taken" if body["instance_uuid"] else ""
    kept = ", in maintenance" if body["maintenance"] else ""
    broken = body["maintenance"] or body["provision_state"] not in ("available", "active")
    why = f": {body['maintenance_reason'] or body['last_error']}" if broken else ""
    return f"{node.name}{traits} ({body['provision_state']}{taken}{kept}{why})"
