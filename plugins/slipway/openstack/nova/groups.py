"""Server groups, which keep servers apart: https://docs.openstack.org/api-ref/compute/#server-groups"""

from __future__ import annotations

import logging
from collections.abc import Collection

from openstack.connection import Connection

from slipway.openstack.nova.errors import told

log = logging.getLogger(__name__)

POLICY = "anti-affinity"


def ensure_group(cloud: Connection, name: str) -> str:
    """Return the id of the group named ``name``; of several, as after a crash, always the same one."""
    with told(f"server group {name}"):
        found = sorted(str(one.id) for one in cloud.compute.server_groups() if one.name == name)
        return found[0] if found else str(cloud.compute.create_server_group(name=name, policy=POLICY).id)


def forget_groups(cloud: Connection, prefix: str, keep: Collection[str]) -> None:
    """Remove the groups whose names start with ``prefix``, but for those named in ``keep``."""
    with told("server groups"):
        for group in list(cloud.compute.server_groups()):
            if group.name.startswith(prefix) and group.name not in keep:
                log.info("removing server group %s", group.name)
                cloud.compute.delete_server_group(group.id, ignore_missing=True)
