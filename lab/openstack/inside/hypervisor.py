"""Nova's fake hypervisor, with what a cloud is tested with: snapshots that arrive, servers that fail.

Metadata of a server steers it: ``lab_spawn_delay``, ``lab_destroy_delay``, ``lab_snapshot_delay`` (seconds)
and ``lab_spawn_fail`` (the fault's message). https://docs.openstack.org/nova/latest/reference/index.html
"""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

from nova import exception
from nova.compute import task_states
from nova.image import glance
from nova.virt import fake

SNAPSHOT = bytes(1 << 20)


class LabDriver(fake.FakeDriver):
    """A compute host without a machine; several may live in one process."""

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        """Return its one node, whose id stays what it was over restarts."""
        return {_node_id(name): name for name in self.get_available_nodes(refresh)}

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        """Return what the node has."""
        return {**super().get_available_resource(nodename), "uuid": _node_id(nodename)}

    def spawn(self, context: Any, instance: Any, *args: Any, **kwargs: Any) -> None:
        """Make a server, or fail as its metadata says."""
        _wait(instance, "spawn")
        reason = instance.metadata.get("lab_spawn_fail")
        if reason:
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason=reason)
        super().spawn(context, instance, *args, **kwargs)

    def destroy(self, context: Any, instance: Any, *args: Any, **kwargs: Any) -> None:
        """Remove a server."""
        _wait(instance, "destroy")
        super().destroy(context, instance, *args, **kwargs)

    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        """Upload 1 MiB of zeroes: Nova's own fake leaves the image queued for ever."""
        _wait(instance, "snapshot")
        update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
        images = glance.API()
        update_task_state(
            task_state=task_states.IMAGE_UPLOADING, expected_state=task_states.IMAGE_PENDING_UPLOAD
        )
        image = {
            "name": images.get(context, image_id)["name"],
            "disk_format": "raw",
            "container_format": "bare",
            "status": "active",
        }
        images.update(context, image_id, image, data=io.BytesIO(SNAPSHOT))


def _wait(instance: Any, step: str) -> None:
    time.sleep(float(instance.metadata.get(f"lab_{step}_delay", 0)))


def _node_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
