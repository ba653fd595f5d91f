"""The services of the lab's OpenStack."""

from __future__ import annotations

from lab.ground import Ground
from lab.openstack.cinder import CINDER
from lab.openstack.cloud import Cloud
from lab.openstack.designate import DESIGNATE
from lab.openstack.glance import GLANCE
from lab.openstack.hypervisor.nova import with_hypervisor
from lab.openstack.hypervisor.server import Hypervisor
from lab.openstack.ironic import IRONIC
from lab.openstack.keystone import KEYSTONE
from lab.openstack.neutron import NEUTRON
from lab.openstack.nova import NOVA
from lab.openstack.octavia import OCTAVIA
from lab.openstack.placement import PLACEMENT
from lab.openstack.service import Service
from lab.profile import Profile, chosen


def openstack(ground: Ground) -> list[Service]:
    """Return them, in the order people read them; Nova boots servers if the lab's profile says so."""
    cloud = Cloud(ground)
    nova = with_hypervisor(NOVA) if _boots(ground) else NOVA
    return [
        Service(cloud, kind)
        for kind in (KEYSTONE, GLANCE, PLACEMENT, NEUTRON, CINDER, DESIGNATE, OCTAVIA, nova, IRONIC)
    ]


def hypervisors(ground: Ground) -> list[Hypervisor]:
    """Return what Nova boots servers on."""
    return [Hypervisor(Cloud(ground))] if _boots(ground) else []


def _boots(ground: Ground) -> bool:
    return chosen(ground.paths) is Profile.HYPERVISOR
