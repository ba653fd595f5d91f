"""Checks before the first node is changed what would fail on one of them."""

from __future__ import annotations

from collections.abc import Mapping

from openstack.connection import Connection

from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.ironic.nodes import arrived, stuck
from slipway.openstack.errors import OpenstackError
from slipway.openstack.glance.glance import Glance
from slipway.openstack.ironic.errors import IronicRefusedError
from slipway.openstack.ironic.ironic import Allocation, Node


def with_hash(cloud: Connection, fleet: IronicPlan) -> IronicPlan:
    """Look at the image before any node is touched."""
    if fleet.url:
        return fleet
    if fleet.image.glance is None:
        raise IronicRefusedError(f"image {fleet.image.digest} is not in Glance: start its pipeline again")
    image = Glance(cloud).get(fleet.image.glance)
    if image.status != "active":
        raise OpenstackError(f"image {image.id} is {image.status} in Glance: start its pipeline again")
    known = image.hash_value if image.hash_algo == "sha512" else ""
    return fleet.model_copy(update={"sha512": known or ""})


def refuse_unfit(
    fleet: IronicPlan, size: int, allocated: Mapping[int, Allocation], nodes: Mapping[str, Node]
) -> None:
    """Refuse before the first node is changed what would fail on the last one.

    :param size: bytes of disk that the image takes.
    """
    found = [(index, nodes[str(one.node)]) for index, one in allocated.items() if one.node in nodes]
    if need_person := [why for index, node in found if (why := _in_the_way(node, index, fleet))]:
        raise IronicRefusedError(
            f"{'; '.join(need_person)}. No node was changed. Repair it (openstack baremetal node show), or "
            "delete its allocation to have another node chosen, and start the run again"
        )
    if small := [f"{node.name} ({node.disk_gib} GiB)" for _, node in found if is_small(node, size)]:
        raise IronicRefusedError(
            f"the image takes {-(-size >> 30)} GiB of disk, and {', '.join(small)} has less: make the image "
            "smaller, or ask for another resource_class"
        )


def is_small(node: Node, size: int) -> bool:
    """Say whether the node's disk is known to have fewer bytes than ``size``."""
    return 0 < node.disk_gib << 30 < size


def _in_the_way(node: Node, index: int, fleet: IronicPlan) -> str:
    seen = node.seen(index)
    return "" if arrived(seen, fleet.fingerprint) else stuck(seen)


def disk_bytes(cloud: Connection, fleet: IronicPlan) -> int:
    """Return how many bytes of disk the image takes, as far as that is known."""
    root = (fleet.ironic.root_gib or 0) << 30 if fleet.kind == "partition" else 0
    if fleet.url or fleet.image.glance is None:
        return root
    image = Glance(cloud).get(fleet.image.glance)
    sizes = (image.virtual_size, image.size, (image.min_disk or 0) << 30, root)
    return max(int(size or 0) for size in sizes)
