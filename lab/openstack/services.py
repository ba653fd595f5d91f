"""The services of the lab's OpenStack."""

from __future__ import annotations

from lab.ground import Ground
from lab.openstack.cloud import Cloud
from lab.openstack.glance import GLANCE
from lab.openstack.keystone import KEYSTONE
from lab.openstack.neutron import NEUTRON
from lab.openstack.nova import NOVA
from lab.openstack.placement import PLACEMENT
from lab.openstack.service import Service


def openstack(ground: Ground) -> list[Service]:
    """Return them, in the order people read them."""
    cloud = Cloud(ground)
    return [Service(cloud, kind) for kind in (KEYSTONE, GLANCE, PLACEMENT, NEUTRON, NOVA)]
