"""Which images Ironic's nodes run, and which a rollout may bring back to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from openstack.connection import Connection

from slipway.flow.ironic.fleet import IronicPlan
from slipway.openstack.errors import OpenstackError
from slipway.openstack.ironic import ledger
from slipway.openstack.ironic.errors import told
from slipway.openstack.ironic.ironic import IronicClient
from slipway.openstack.services import services

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IMAGES = "image_source", "kernel", "ramdisk"


def running(cloud: Connection) -> dict[str, str]:
    """Return what runs an image, for people, by its id in Glance or its digest; a cloud may lack Ironic.

    Where a ledger cannot be understood, nobody knows which images: the application stands for all of its.

    :raises OpenstackError: when Ironic refuses to tell.
    :raises TransientOpenstackError: when it does not answer.
    """
    with told("its catalogue"):
        if "baremetal" not in services(cloud):
            return {}
    ironic, found = IronicClient(cloud), dict[str, str]()
    for node in ironic.nodes():
        for name in _of_instance(node.body.get("instance_info") or {}):
            found.setdefault(name, f"node {node.name} runs it")
    for allocation in ironic.every_allocation():
        try:
            known = ledger.of(allocation)
        except OpenstackError as error:
            found.setdefault(allocation.name.partition(".")[0], str(error))
            continue
        for version in (known.good, known.previous, known.attempt):
            for name in _of_fleet(version.fleet) if version else ():
                found.setdefault(name, f"allocation {allocation.name} needs it")
    return found


def _of_instance(info: Mapping[str, Any]) -> Iterator[str]:
    for key in IMAGES:
        yield from _ID.findall(str(info.get(key) or ""))


def _of_fleet(fleet: IronicPlan) -> Iterator[str]:
    yield fleet.image.digest
    for glance in (fleet.image.glance, *(part.glance for part in fleet.image.parts.values())):
        if glance is not None:
            yield str(glance)
