"""The node's processes, in the order they start in, and the layout they share."""

from __future__ import annotations

import os
from pathlib import Path

from lab.environment import inherited
from lab.ground import Ground
from lab.kubernetes import control_plane, node
from lab.kubernetes.engine import PAUSE_IMAGE
from lab.kubernetes.layout import Engine, Layout, Ports
from lab.paths import Paths
from lab.process import Process
from lab.server import LabError

PREFERRED_PORTS = {
    "api": 6443,
    "etcd": 12379,
    "etcd_peer": 12380,
    "controller_manager": 10257,
    "scheduler": 10259,
    "kubelet": 10250,
    "kubelet_health": 10248,
    "proxy_health": 10256,
    "proxy_metrics": 10249,
    "token_webhook": 8443,
}
LONGEST_KUBELET_FOLDER = 75  # bytes; the kubelet adds up to 30 of its own to the path of a socket (limit 107)


def layout_of(ground: Ground, docker_host: str, binaries: Path) -> Layout:
    """Return the layout of this lab's node, whose pods run in the engine at ``docker_host``."""
    paths = ground.paths
    inside = paths.state / "kubelet"
    short = len(os.fsencode(inside)) <= LONGEST_KUBELET_FOLDER
    return Layout(
        binaries=binaries,
        folder=paths.state / "kubernetes",
        kubelet=inside if short else Path("/var/lib") / f"slipway-kubelet-{paths.key}",
        ports=Ports(**{name: port(ground, name) for name in PREFERRED_PORTS}),
        engine=Engine(Path(docker_host.removeprefix("unix://")), PAUSE_IMAGE),
    )


def port(ground: Ground, name: str) -> int:
    """Return the port kept for one of :data:`PREFERRED_PORTS`."""
    return ground.ports.get(f"kubernetes-{name}".replace("_", "-"), PREFERRED_PORTS[name])


def processes(layout: Layout, paths: Paths) -> dict[str, Process]:
    """Return the node's processes, etcd first."""
    commands = {
        "etcd": control_plane.etcd(layout),
        "api-server": control_plane.api_server(layout),
        "controller-manager": control_plane.controller_manager(layout),
        "scheduler": control_plane.scheduler(layout),
        "proxy": node.proxy(layout),
        "kubelet": node.kubelet(layout),
    }
    # Their home is the node's folder: a login of the user's (~/.docker, ~/.kube) is none of the node's.
    # Nor does it ask whether it runs in the Amazon cloud, which takes 11 seconds where it does not.
    environment = inherited(HOME=str(layout.folder), AWS_EC2_METADATA_DISABLED="true")
    return {
        name: Process(f"kubernetes-{name}", command, paths, environment) for name, command in commands.items()
    }


def require_local_engine(docker_host: str) -> None:
    """Check that the kubelet can reach the engine.

    :raises LabError: when it is not on a Unix socket.
    """
    if not docker_host.startswith("unix://"):
        raise LabError(
            "the lab's Kubernetes node needs a docker engine on this machine, but DOCKER_HOST is "
            f"{docker_host}; "
            "set KUBECONFIG to use a cluster of yours, or unset DOCKER_HOST"
        )
