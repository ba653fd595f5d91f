"""Which WSGI application each service is, and how many requests it may answer at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Application:
    """``module`` has the WSGI application ``application``.

    ``beside`` is a module whose ``start()`` is called before it serves. With ``locks``, SQLite's transactions
    take their lock when they begin.
    """

    module: str
    threads: int
    locks: bool = True
    beside: str | None = None


APPLICATIONS = {
    "keystone": Application("keystone.wsgi.api", threads=4),
    "glance": Application("glance.wsgi.api", threads=8),
    # Placement opens a transaction inside another: one request at a time, and no locks, is its cure.
    "placement": Application("placement.wsgi.api", threads=1, locks=False),
    "neutron": Application("neutron.wsgi.api", threads=4),
    "cinder": Application("lab.openstack.inside.volumes", threads=4, beside="lab.openstack.inside.volumes"),
    "designate": Application("lab.openstack.inside.zones", threads=4, beside="lab.openstack.inside.zones"),
    "octavia": Application(
        "lab.openstack.inside.octavia_service", threads=4, beside="lab.openstack.inside.octavia_service"
    ),
    "nova": Application("nova.wsgi.osapi_compute", threads=8, beside="lab.openstack.inside.computes"),
}
