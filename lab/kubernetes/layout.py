"""Where the node keeps its things, on which ports it listens, and which networks it hands out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.kubernetes.programs import Programs
from lab.kubernetes.versions import KubernetesVersion

NODE = "127.0.0.1"
SERVICE_RANGE = "10.213.0.0/16"
SERVICE_API_ADDRESS = "10.213.0.1"  # the first of the range is the API server's
NODE_PORT_RANGE = "30000-32767"
POD_RANGE = "10.214.0.0/24"
GATEWAY = "10.214.0.1"
"""The node's own address on the pods' bridge; the cluster's DNS answers there."""
BRIDGE = "slipway-pods"
DOMAIN = "cluster.local"


@dataclass(frozen=True)
class Ports:
    """One loopback port for each thing that listens."""

    api: int
    etcd: int
    etcd_peer: int
    controller_manager: int
    scheduler: int
    kubelet: int
    kubelet_health: int
    proxy_health: int
    proxy_metrics: int
    dns_ready: int
    token_webhook: int


@dataclass(frozen=True)
class Layout:
    """One lab's node: ``programs`` are shared, everything in the three folders is its own.

    ``kubelet`` and ``runtime`` are folders of their own because Unix sockets are in them, whose paths may not
    be longer than 107 bytes.
    """

    version: KubernetesVersion
    programs: Programs
    folder: Path
    kubelet: Path
    runtime: Path
    ports: Ports

    @property
    def api_url(self) -> str:
        """The API server's address."""
        return f"https://{NODE}:{self.ports.api}"

    @property
    def certificates(self) -> Path:
        """The folder of keys and certificates."""
        return self.folder / "certificates"

    @property
    def tokens(self) -> Path:
        """The API server's table of users."""
        return self.folder / "tokens.csv"

    @property
    def token_webhook(self) -> Path:
        """The webhook that the API server asks about tokens that are not in its table."""
        return self.folder / "token-webhook.yaml"

    @property
    def corefile(self) -> Path:
        """CoreDNS's settings; not there when the cluster has no DNS."""
        return self.folder / "Corefile"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd answers the kubelet."""
        return self.runtime / "containerd.sock"

    @property
    def containerd_root(self) -> Path:
        """Images and snapshots."""
        return self.folder / "containerd"

    @property
    def runc_root(self) -> Path:
        """What runc knows of the containers that run."""
        return self.runtime / "runc"

    def kubeconfig(self, component: str) -> Path:
        """The login of one of the node's own components."""
        return self.folder / f"{component}.kubeconfig"

    def settings(self, component: str) -> Path:
        """The settings file of one of the node's own components."""
        return self.folder / f"{component}.yaml"
