"""The Kubernetes node as one of the lab's servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lab.environment import given
from lab.ground import Ground
from lab.kubernetes import traces
from lab.kubernetes.api import Cluster
from lab.kubernetes.bridge import ensure_bridge, remove_bridge
from lab.kubernetes.components import layout_of, port, processes
from lab.kubernetes.containerd import write_containerd_files
from lab.kubernetes.counters import remove_counters
from lab.kubernetes.dns import dns_answers, ensure_dns_rights
from lab.kubernetes.files import Registry, write_files
from lab.kubernetes.given import GivenCluster
from lab.kubernetes.iptables import remove_rules
from lab.kubernetes.layout import NODE, Layout
from lab.kubernetes.programs import Programs, provide_programs
from lab.kubernetes.sandbox import ensure_sandbox_image
from lab.kubernetes.sandboxes import remove_sandboxes
from lab.kubernetes.tenants import ensure_namespaces, ensure_rights, has_tenants
from lab.process import Process
from lab.server import LabError, Server

READY_SECONDS = 90
PACKAGES = (
    "etcd-server",
    "runc",
    "containernetworking-plugins",
    "iproute2",
    "iptables",
    "conntrack",
    "ethtool",
    "socat",
    "busybox-static",
)


def kubernetes(ground: Ground, docker: Server, registry: Server) -> Server:
    """Return the lab's own node, or the cluster of the user's when KUBECONFIG names one."""
    kubeconfig = given("KUBECONFIG", str(ground.paths.state / "kubeconfig"))
    return GivenCluster(ground, kubeconfig) if kubeconfig else LabNode(ground, docker, registry)


@dataclass(frozen=True)
class LabNode:
    """One node: the control plane, the kubelet, kube-proxy, CoreDNS, and a containerd of its own for pods.

    It shares the machine's packet filter and containerd's folder under ``/run`` with ``docker``'s engine,
    which remembers how it found them: so the engine starts before it, and stops after it.
    """

    ground: Ground
    docker: Server
    registry: Server

    name = "kubernetes"
    packages: tuple[str, ...] = PACKAGES
    """What the node calls; what a program comes from installs by itself what it needs."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The engine, for the sake of order, and the registry, whose login the kubelet is given."""
        return (self.docker.name, self.registry.name)

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://{NODE}:{port(self.ground, 'api')}"

    def start(self) -> None:
        """Start what does not run; return when the node is ready and the tenants' namespaces are there."""
        self._refuse_a_second_node()
        layout = self._layout(provide_programs(self.ground.paths))
        registry = self._registry()
        write_files(layout, registry, self._logins)
        write_containerd_files(layout, registry.address)
        self._link_kubectl(layout)
        traces.keep_sysctls(layout.folder / "sysctl.json")
        ensure_bridge()
        self._start_all(layout)

    def stop(self) -> None:
        """Stop it, and take away what it left: containers, mounts, packet filter rules, logs, settings.

        What the cluster knows (its objects, keys and logins) stays in ``.lab``: a restart has it back.
        """
        for component in reversed(self._processes()):
            component.stop()
        layout = self._layout()
        if layout.folder.exists():
            remove_sandboxes(layout)
            for folder in (layout.runtime, layout.containerd_root, layout.kubelet):
                traces.unmount_below(folder)
                traces.remove_folder(folder)
            traces.remove_folder(layout.folder / "addresses")
            traces.remove_pod_logs()
            traces.remove_device_plugins()
            remove_rules()
            remove_counters()
            remove_bridge()
            traces.restore_sysctls(layout.folder / "sysctl.json")

    def is_up(self) -> bool:
        """Say whether all of it runs, the node is ready and the tenants have their namespaces."""
        if any(component.pid is None for component in self._processes()):
            return False
        try:
            return self._cluster.is_ready() and self._node_is_ready() and has_tenants(self._cluster)
        except LabError:
            return False

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of its components that run."""
        return tuple(pid for component in self._processes() if (pid := component.pid) is not None)

    def exports(self) -> Mapping[str, str]:
        """Return the administrator's login, for people, and the product's."""
        return {
            "KUBECONFIG": str(self._logins["admin"]),
            "SLIPWAY_KUBECONFIG": str(self._logins["slipway"]),
            "SLIPWAY_TENANTS_KUBECONFIG": str(self._logins["tenants"]),
        }

    @property
    def _logins(self) -> dict[str, Path]:
        state = self.ground.paths.state
        return {
            "admin": state / "kubeconfig",
            "slipway": state / "kubeconfig-slipway",
            "tenants": state / "kubeconfig-tenants",
        }

    @property
    def _cluster(self) -> Cluster:
        return Cluster(str(self._logins["admin"]))

    @property
    def _recipes(self) -> Path:
        return self.ground.paths.checkout / "include" / "recipes" / "kubernetes"

    def _registry(self) -> Registry:
        exports = self.registry.exports()
        return Registry(
            exports["SLIPWAY_REGISTRY"],
            exports["SLIPWAY_REGISTRY_USER"],
            exports["SLIPWAY_REGISTRY_PASSWORD"],
        )

    def _refuse_a_second_node(self) -> None:
        other = traces.find_other_node(self.ground.paths.state)
        if other is not None:
            raise LabError(
                f"another Kubernetes node runs on this machine (process {other}), and two would undo each "
                "other's packet filter rules; set KUBECONFIG to use its cluster, or stop it"
            )

    def _start_all(self, layout: Layout) -> None:
        components = processes(layout, self.ground.paths)
        begun = datetime.now(UTC).replace(microsecond=0) if components["kubelet"].pid is None else None
        if components["containerd"].pid is None:  # one that was killed has left its socket
            layout.containerd_socket.unlink(missing_ok=True)
        components["containerd"].start()
        components["etcd"].start()
        components["api-server"].start()
        components["containerd"].wait_until(layout.containerd_socket.exists, READY_SECONDS)
        ensure_sandbox_image(layout)
        components["api-server"].wait_until(self._cluster.is_ready, READY_SECONDS)
        for component in components.values():
            component.start()
        ensure_dns_rights(self._cluster)
        ensure_namespaces(self._cluster, self.ground.paths.key)
        ensure_rights(self._cluster, self._recipes)
        if "dns" in components:
            components["dns"].wait_until(lambda: dns_answers(layout), READY_SECONDS)
        components["kubelet"].wait_until(lambda: self._node_is_ready(begun), READY_SECONDS)

    def _link_kubectl(self, layout: Layout) -> None:
        """Put the cluster's own kubectl into ``.lab/bin``, for people who have none, or an old one."""
        link = self.ground.paths.state / "bin" / "kubectl"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(layout.programs.kubernetes / "kubectl")

    def _layout(self, programs: Programs | None = None) -> Layout:
        layout = layout_of(self.ground, programs or Programs())
        if programs is None and not layout.corefile.exists():
            return replace(layout, programs=Programs(coredns=None))
        return layout

    def _processes(self) -> list[Process]:
        return list(processes(self._layout(), self.ground.paths).values())

    def _node_is_ready(self, since: datetime | None = None) -> bool:
        """Say whether the kubelet has called its node ready (``since`` then: a restart finds old news)."""
        found = self._cluster.find(f"/api/v1/nodes/{NODE}")
        conditions = found["status"].get("conditions", []) if found else []
        return any(
            condition["type"] == "Ready"
            and condition["status"] == "True"
            and (since is None or datetime.fromisoformat(condition["lastHeartbeatTime"]) >= since)
            for condition in conditions
        )
