"""Puts the base image of virtual machines where applications find it: into Artifactory and Glance."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID, uuid5

import httpx
from openstack.connection import Connection
from openstack.exceptions import raise_from_response

from lab.server import LabError

PATH = "generic-local/bases/slipway-lab.qcow2"
"""Where Artifactory has it."""
NAME = "slipway-lab"
"""How Glance calls it; its id follows from its bytes."""
_NAMESPACE = UUID("0f6a1f0e-6e0b-4a55-8f3e-0a2d6c1f7b11")
_PROPERTIES = {
    "visibility": "public",
    "min_ram": 128,
    "os_distro": "slipway-lab",
    "os_type": "linux",
    "os_admin_user": "root",
    "hw_disk_bus": "virtio",
    "hw_vif_model": "virtio",
}


def is_in_artifactory(client: httpx.Client) -> bool:
    """Say whether Artifactory has a base image.

    :param client: whose base URL is Artifactory's, and who is logged in.
    """
    return client.get(f"/api/storage/{PATH}").status_code == 200


def put_into_artifactory(client: httpx.Client, image: Path) -> None:
    """Put ``image`` into Artifactory unless it has these bytes.

    :raises LabError: when it refuses.
    """
    digest = _sha256(image)
    known = client.get(f"/api/storage/{PATH}")
    if known.status_code == 200 and known.json()["checksums"]["sha256"] == digest:
        return
    with image.open("rb") as content:
        answer = client.put(f"/{PATH}", content=content, headers={"X-Checksum-Sha256": digest})
    if answer.status_code != 201:
        raise LabError(f"Artifactory refused {PATH}: {answer.status_code} {answer.text[:200]}")


def put_into_glance(cloud: Connection, image: Path) -> str:
    """Put ``image`` into Glance, for everyone, unless it is there; returns its id.

    :param cloud: an administrator's connection.
    """
    known = str(uuid5(_NAMESPACE, _sha256(image)))
    found = cloud.image.get(f"/images/{known}")
    if found.status_code == 404:
        about = {"id": known, "name": NAME, "container_format": "bare", "disk_format": "qcow2"}
        raise_from_response(cloud.image.post("/images", json={**about, **_PROPERTIES}))
    elif found.json()["status"] == "active":
        return known
    with image.open("rb") as content:
        headers = {"Content-Type": "application/octet-stream"}
        raise_from_response(cloud.image.put(f"/images/{known}/file", data=content, headers=headers))
    return known


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
