"""The rest of Nova, as threads beside its API: conductor, scheduler and compute hosts.

They talk through oslo.messaging's ``fake://``, which ends at the process. That spares a broker and three
processes; it is an arrangement for a lab, not one that OpenStack supports.
"""

from __future__ import annotations

import importlib
import os
import sys

import nova.conf
import nova.virt
import os_vif
from nova import context, objects, service
from nova.compute import rpcapi as compute
from nova.conductor import rpcapi as conductor
from nova.objects import host_mapping
from nova.scheduler import rpcapi as scheduler
from nova.virt import node
from oslo_service import opts

from lab.openstack.inside import hypervisor

HOSTS = ("compute-1", "compute-2", "compute-3")
REAL = "lab.openstack.inside.real"
"""Imports libvirt's bindings, which only a lab with a hypervisor has."""


def start() -> None:
    """Start them, and return when the scheduler knows the hosts."""
    # Nova looks for its drivers below nova.virt only.
    sys.modules["nova.virt.lab"] = nova.virt.lab = hypervisor
    opts.register_service_opts(nova.conf.CONF)
    objects.register_all()
    os_vif.initialize()
    # Hosts refuse to start a second time without it, though the id of each is the driver's own.
    node.get_local_node_uuid()
    _start("nova-conductor", conductor.RPC_TOPIC)
    _start("nova-scheduler", scheduler.RPC_TOPIC)
    for host in HOSTS:
        _start("nova-compute", compute.RPC_TOPIC, host=host, topic_alt=compute.RPC_TOPIC_ALT)
    if nova.conf.CONF.libvirt.connection_uri:
        _start_real()
    host_mapping.discover_hosts(context.get_admin_context())


def _start_real() -> None:
    """Start the host that has this machine's name in the settings: Nova takes only one for its own."""
    sys.path.append(os.environ["SLIPWAY_LAB_LIBVIRT"])
    sys.modules["nova.virt.real"] = nova.virt.real = importlib.import_module(REAL)
    _start("nova-compute", compute.RPC_TOPIC, topic_alt=compute.RPC_TOPIC_ALT, manager=f"{REAL}.Manager")


def _start(binary: str, topic: str, **others: str | None) -> None:
    service.Service.create(binary=binary, topic=topic, **others).start()
