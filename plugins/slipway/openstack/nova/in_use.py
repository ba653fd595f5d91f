"""Which images Nova's servers were made from: a server needs its image to be rebuilt, resized or moved."""

from __future__ import annotations

from openstack.connection import Connection

from slipway.openstack.nova.errors import told


def running(cloud: Connection) -> dict[str, str]:
    """Return what runs an image, for people, by its id in Glance or, of Slipway's servers, its digest.

    Every server of the project counts, whoever made it, and in whatever state it is.

    :raises OpenstackError: when Nova refuses to tell.
    :raises TransientOpenstackError: when it does not answer.
    """
    found: dict[str, str] = {}
    with told("the list of servers"):
        for server in cloud.compute.servers(details=True):
            image = (server.image or {}).get("id")  # none when it was started from a volume
            digest = (server.metadata or {}).get("slipway_image")
            for name in filter(None, (image, digest)):
                found.setdefault(str(name), f"server {server.name} runs it")
    return found
