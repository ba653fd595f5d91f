"""Which images the servers and volumes of a project were made from.

A server needs its image to be rebuilt, resized or moved; a volume may share the image's blocks.
"""

from __future__ import annotations

from openstack.connection import Connection

from slipway.flow.property_keys import CloudKey
from slipway.openstack.nova.errors import told
from slipway.openstack.services import offers, services


def running(cloud: Connection) -> dict[str, str]:
    """Return what runs an image, for people, by its id in Glance or, of Slipway's servers, its digest.

    Every server and volume of the project counts, whoever made it, and in whatever state it is.

    :raises OpenstackError: when Nova or Cinder refuses to tell.
    :raises TransientOpenstackError: when it does not answer.
    """
    found: dict[str, str] = {}
    with told("the list of servers"):
        for server in cloud.compute.servers(details=True):
            image = (server.image or {}).get("id")  # none when it was started from a volume
            digest = (server.metadata or {}).get(CloudKey.IMAGE)
            for name in filter(None, (image, digest)):
                found.setdefault(str(name), f"server {server.name} runs it")
    with told("the list of volumes"):
        if offers(services(cloud), "block-storage"):
            for volume in cloud.block_storage.volumes(details=True):
                if image := (volume.volume_image_metadata or {}).get("image_id"):
                    found.setdefault(str(image), f"volume {volume.name or volume.id} was made of it")
    return found
