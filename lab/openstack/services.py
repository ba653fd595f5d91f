"""The services of the lab's OpenStack."""

from __future__ import annotations

from collections.abc import Iterator

from lab.ground import Ground
from lab.openstack.cloud import Cloud
from lab.openstack.glance import GLANCE
from lab.openstack.hypervisor.nova import with_hypervisor
from lab.openstack.hypervisor.server import Hypervisor
from lab.openstack.ironic import IRONIC
from lab.openstack.keystone import KEYSTONE
from lab.openstack.neutron import NEUTRON
from lab.openstack.nova import NOVA
from lab.openstack.placement import PLACEMENT
from lab.openstack.service import Service
from lab.profile import Profile, chosen
from lab.server import Server


def openstack(ground: Ground) -> Iterator[Server]:
    """Yield them, in the order people read them; with a hypervisor where the lab's profile says so."""
    cloud = Cloud(ground)
    yield from (Service(cloud, kind) for kind in (KEYSTONE, GLANCE, PLACEMENT, NEUTRON))
    if chosen(ground.paths) is Profile.HYPERVISOR:
        yield Hypervisor(cloud)
        yield Service(cloud, with_hypervisor(NOVA))
    else:
        yield Service(cloud, NOVA)
    yield Service(cloud, IRONIC)
