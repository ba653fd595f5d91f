"""Where the node keeps its things, on which ports it listens, and which networks it hands out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NODE = "127.0.0.1"
SERVICE_RANGE = "10.213.0.0/16"
SERVICE_API_ADDRESS = "10.213.0.1"  # the first of the range is the API server's
NODE_PORT_RANGE = "30000-32767"


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
    token_webhook: int


@dataclass(frozen=True)
class Engine:
    """The docker engine that runs the pods."""

    socket: Path
    pause_image: str


@dataclass(frozen=True)
class Layout:
    """One lab's node: ``binaries`` are shared, everything below ``folder`` and ``kubelet`` is its own.

    ``kubelet`` is a folder of its own because the kubelet puts Unix sockets in it, whose paths may not be
    longer than 107 bytes.
    """

    binaries: Path
    folder: Path
    kubelet: Path
    ports: Ports
    engine: Engine

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
        """Where the API server asks whose a token is that is not in its table."""
        return self.folder / "token-webhook.yaml"

    def kubeconfig(self, component: str) -> Path:
        """The login of one of the node's own components."""
        return self.folder / f"{component}.kubeconfig"

    def settings(self, component: str) -> Path:
        """The settings file of one of the node's own components."""
        return self.folder / f"{component}.yaml"
