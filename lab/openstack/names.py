"""The tenant's zone: https://docs.openstack.org/api-ref/dns/"""

from __future__ import annotations

from openstack.resource import wait_for_status

from lab.openstack.cloud import Cloud
from lab.openstack.login import PROJECT, SECONDS, USER, connect
from lab.patience import stretched

ZONE = "demo.slipway.test."
NAMESERVER = "ns1.slipway.test."
EMAIL = "hostmaster@slipway.test"


def seed(cloud: Cloud) -> None:
    """Make the zone as its owner does, and wait until the name server has it."""
    with connect(cloud, USER, PROJECT) as tenant:
        zone = tenant.dns.find_zone(ZONE) or tenant.dns.create_zone(name=ZONE, email=EMAIL)
        # All of OpenStack starts beside it; what fails meanwhile Designate tries again every 15 s.
        wait_for_status(tenant.dns, zone, "ACTIVE", failures=[], interval=0.2, wait=stretched(3 * SECONDS))
