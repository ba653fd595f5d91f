"""The node's processes, in the order they start in, and the layout they share."""

from __future__ import annotations

import os
from pathlib import Path

from lab.environment import inherited
from lab.ground import Ground
from lab.kubernetes import control_plane, node
from lab.kubernetes.containerd import containerd
from lab.kubernetes.dns import coredns
from lab.kubernetes.layout import Layout, Ports
from lab.kubernetes.programs import Programs
from lab.kubernetes.versions import version_of
from lab.paths import Paths
from lab.process import Process

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
    "dns_ready": 10260,
    "token_webhook": 8443,
}
LONGEST_KUBELET_FOLDER = 75  # bytes; the kubelet adds up to 30 of its own to the path of a socket (limit 107)


def layout_of(ground: Ground, programs: Programs) -> Layout:
    """Return the layout of this lab's node."""
    paths = ground.paths
    inside = paths.state / "kubelet"
    short = len(os.fsencode(inside)) <= LONGEST_KUBELET_FOLDER
    return Layout(
        version=version_of(paths),
        programs=programs,
        folder=paths.state / "kubernetes",
        kubelet=inside if short else Path("/var/lib") / f"slipway-kubelet-{paths.key}",
        runtime=paths.sockets / "containerd",
        ports=Ports(**{name: port(ground, name) for name in PREFERRED_PORTS}),
    )


def port(ground: Ground, name: str) -> int:
    """Return the port kept for one of :data:`PREFERRED_PORTS`."""
    return ground.ports.get(f"kubernetes-{name}".replace("_", "-"), PREFERRED_PORTS[name])


def processes(layout: Layout, paths: Paths) -> dict[str, Process]:
    """Return the node's processes, containerd and etcd first; ``dns`` only where its program is."""
    commands = {
        "containerd": containerd(layout),
        "etcd": control_plane.etcd(layout),
        "api-server": control_plane.api_server(layout),
        "controller-manager": control_plane.controller_manager(layout),
        "scheduler": control_plane.scheduler(layout),
        "proxy": node.proxy(layout),
        "kubelet": node.kubelet(layout),
    }
    if layout.programs.coredns is not None:
        commands["dns"] = coredns(layout, layout.programs.coredns)
    # Their home is the node's folder: a login of the user's (~/.docker, ~/.kube) must not reach the node.
    # Nor does it ask whether it runs in the Amazon cloud, which takes 11 seconds where it does not.
    # containerd starts its shim by its name.
    environment = inherited(
        HOME=str(layout.folder),
        AWS_EC2_METADATA_DISABLED="true",
        PATH=f"{layout.programs.containerd}{os.pathsep}{os.environ['PATH']}",
    )
    return {
        name: Process(f"kubernetes-{name}", command, paths, environment) for name, command in commands.items()
    }
