"""What the node needs of the docker engine, and what it leaves there.

A pod's sandbox is a container that holds the pod's network, and sleeps; its image is made here, and by it the
lab's pods are told from any others.
"""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

import docker
from docker.errors import APIError, DockerException

from lab.server import LabError

PAUSE_IMAGE = "slipway-lab/pause:1"
BUSYBOX = Path("/bin/busybox")  # Debian's busybox-static
REMOVAL_SECONDS = 60
COMMAND = 'CMD ["/busybox", "sleep", "2147483647"]'


def ensure_pause_image(docker_host: str) -> str:
    """Make the sandbox image in the engine at ``docker_host``, unless it is there; return its name.

    :raises LabError: when the engine does not answer or refuses.
    """
    try:
        api = docker.APIClient(base_url=docker_host, timeout=30)
        if not api.images(PAUSE_IMAGE, quiet=True):
            repository, _, tag = PAUSE_IMAGE.partition(":")
            api.import_image_from_data(_root_file_system(), repository=repository, tag=tag, changes=[COMMAND])
    except (DockerException, OSError) as error:
        raise LabError(
            f"the docker engine at {docker_host} does not take the pods' sandbox image: {error}"
        ) from error
    return PAUSE_IMAGE


def cgroup_driver(docker_host: str) -> str:
    """Return the engine's cgroup driver, which the kubelet's must equal: ``cgroupfs`` or ``systemd``.

    :raises LabError: when the engine does not answer.
    """
    try:
        return str(docker.APIClient(base_url=docker_host, timeout=30).info()["CgroupDriver"])
    except (DockerException, OSError) as error:
        raise LabError(f"the docker engine at {docker_host} does not answer: {error}") from error


def remove_pods(docker_host: str) -> None:
    """Remove the pods' containers from the engine, then the sandbox image; an engine that is down has none.

    :raises LabError: when the engine answers but does not remove them.
    """
    try:
        api = docker.APIClient(base_url=docker_host, timeout=60)
    except (DockerException, OSError):
        return
    try:
        deadline = time.monotonic() + REMOVAL_SECONDS
        while (found := _pod_containers(api)) and time.monotonic() < deadline:
            _remove(api, found)  # again, since the engine may still make what the kubelet asked for last
        if api.images(PAUSE_IMAGE, quiet=True):
            api.remove_image(PAUSE_IMAGE, force=True)
    except (DockerException, OSError) as error:
        raise LabError(f"pods' containers stay in the docker engine at {docker_host}: {error}") from error


def _remove(api: docker.APIClient, containers: list[str]) -> None:
    for container in containers:
        try:
            api.remove_container(container, force=True, v=True)
        except APIError as error:
            if error.status_code not in (404, 409):  # gone, or going
                raise
            time.sleep(0.1)


def _pod_containers(api: docker.APIClient) -> list[str]:
    """The sandboxes, after the containers that share them."""
    sandboxes = [c["Id"] for c in api.containers(all=True, filters={"ancestor": PAUSE_IMAGE})]
    labels = [f"io.kubernetes.sandbox.id={sandbox}" for sandbox in sandboxes]
    shared = [c["Id"] for label in labels for c in api.containers(all=True, filters={"label": label})]
    return shared + sandboxes


def _root_file_system() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(BUSYBOX, arcname="busybox")
    return content.getvalue()
