"""Nova with one more compute host, which boots its servers on libvirt; ordinary flavors never land there.

https://docs.openstack.org/nova/latest/reference/isolate-aggregates.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from openstack.connection import Connection

from lab.openstack import nova
from lab.openstack.cloud import Cloud
from lab.openstack.hypervisor.bindings import bindings
from lab.openstack.hypervisor.layout import Layout
from lab.openstack.kind import Kind
from lab.openstack.login import administrator
from lab.openstack.settings import Settings

HOST = "lab"
"""The host that Nova's settings call its own: the fake ones beside it have names of theirs."""
FLAVOR: Mapping[str, Any] = {"name": "real", "vcpus": 1, "ram": 256, "disk": 1}
AGGREGATE = "real"
TRAIT = {"trait:CUSTOM_REAL": "required"}
"""What the host has, and flavors must ask for: lab.openstack.inside.real."""
SHUTDOWN_SECONDS = 30


def with_hypervisor(kind: Kind) -> Kind:
    """Return Nova as ``kind`` says, and with the host."""

    def variables(cloud: Cloud) -> Mapping[str, str]:
        return {**kind.variables(cloud), "SLIPWAY_LAB_LIBVIRT": str(bindings(cloud.distribution))}

    def settings(cloud: Cloud) -> Settings:
        return _with_libvirt(kind.settings(cloud), cloud)

    def seed(cloud: Cloud) -> None:
        kind.seed(cloud)
        with administrator(cloud) as admin:
            _seed(admin)

    return replace(kind, needs=(*kind.needs, "hypervisor"), variables=variables, settings=settings, seed=seed)


def _with_libvirt(plain: Settings, cloud: Cloud) -> Settings:
    privileged = {"helper_command": _privsep(cloud)}
    return {
        **plain,
        "DEFAULT": {
            **plain["DEFAULT"],
            # As long as a guest without KVM takes to write everything to its disk.
            "shutdown_timeout": str(SHUTDOWN_SECONDS),
            "resume_guests_state_on_host_boot": "true",
            "force_raw_images": "false",
            "instances_path": str(Layout(cloud).instances),
        },
        "libvirt": {
            "virt_type": "qemu",
            "connection_uri": Layout(cloud).uri,
            "cpu_mode": "none",
            "images_type": "qcow2",
        },
        "vnc": {"enabled": "false"},
        "scheduler": {"enable_isolated_aggregate_filtering": "true"},
        "nova_sys_admin": privileged,
        "privsep_osbrick": privileged,
    }


def _privsep(cloud: Cloud) -> str:
    """Return the command that starts Nova's privileged half: root's already, and without sudo."""
    return f"{cloud.distribution.program('privsep-helper')} --config-file {cloud.of('nova') / nova.FILE}"


def _seed(admin: Connection) -> None:
    if admin.compute.find_flavor(FLAVOR["name"]) is None:
        flavor = admin.compute.create_flavor(**FLAVOR)
        admin.compute.create_flavor_extra_specs(flavor, TRAIT)
    aggregate: Any = admin.compute.find_aggregate(AGGREGATE)
    aggregate = aggregate or admin.compute.create_aggregate(name=AGGREGATE)
    admin.compute.set_aggregate_metadata(aggregate, TRAIT)
    # Anew each time: Nova tells Placement of a host only as it joins, and a start before may have broken off.
    if HOST in (aggregate.hosts or []):
        admin.compute.remove_host_from_aggregate(aggregate, HOST)
    admin.compute.add_host_to_aggregate(aggregate, HOST)
