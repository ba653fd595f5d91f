"""Releases nodes: Ironic undeploys them and forgets their allocations; their ports are deleted."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from slipway.flow.ironic.nodes import REMOVABLE, SeenNode, stuck
from slipway.openstack.ironic.ironic import IronicClient
from slipway.openstack.ironic.ports import Ports

log = logging.getLogger(__name__)

EXPLAINED_SECONDS = 2.0


@dataclass(frozen=True)
class Released:
    """How far the release of nodes is."""

    left: int = 0
    """Allocations that are still there."""
    named: tuple[str, ...] = ()
    """Why a person must go on, for each of these for which that is so."""
    nodes: frozenset[str] = frozenset()
    """Ids of the nodes."""


def release(ironic: IronicClient, ports: Ports, prefix: str, keep: int) -> Released:
    """Let Ironic undeploy the nodes from index ``keep`` on, the first one last; call it again."""
    allocations = {index: one for index, one in ironic.allocations(prefix).items() if index >= keep}
    if not allocations:
        ports.delete(prefix, keep)
        return Released()
    nodes = {node.id: node for node in ironic.nodes()}
    named: list[str] = []
    for index, one in allocations.items():
        if index == 0 and len(allocations) > 1:
            continue  # it carries the ledger
        node = nodes.get(one.node or "")
        if node is None or node.seen(index).state == "available":
            ironic.delete_allocation(one.id)
        elif why := stuck(node.seen(index)):
            named.append(why)
        elif node.seen(index).state in REMOVABLE:
            log.info("%s: undeployed", node.name)
            ironic.provision(node.id, "deleted")
    taken = frozenset(one.node for one in allocations.values() if one.node)
    return Released(len(allocations), tuple(named), taken)


def broken(ironic: IronicClient, nodes: Iterable[str]) -> list[str]:
    """Say which of the released nodes need a person."""
    return [why for node in nodes if (why := stuck(_explained(ironic, node)))]


def _explained(ironic: IronicClient, node: str) -> SeenNode:
    """Return a node with its error: Ironic writes the state, and then how it came to that."""
    seen = ironic.node(node).seen(0)
    if stuck(seen) and not seen.last_error:
        time.sleep(EXPLAINED_SECONDS)
        seen = ironic.node(node).seen(0)
    return seen


def wait_released(
    ironic: IronicClient, ports: Ports, prefix: str, keep: int, seconds: float, pause: float = 2.0
) -> list[str]:
    """Release, and wait a while for the end of it.

    :returns: what is left then.
    """
    deadline = time.monotonic() + seconds
    while True:
        released = release(ironic, ports, prefix, keep)
        if released.left == len(released.named):
            return list(released.named)
        if time.monotonic() > deadline:
            return [*released.named, f"{released.left} nodes are still being undeployed"]
        time.sleep(pause)
