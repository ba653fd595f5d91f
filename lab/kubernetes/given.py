"""A cluster of the user's own, in place of the lab's node (KUBECONFIG was set)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.ground import Ground
from lab.kubernetes.api import Cluster
from lab.kubernetes.tenants import ensure_namespaces, has_tenants, remove_namespaces
from lab.server import LabError


@dataclass(frozen=True)
class GivenCluster:
    """The cluster that ``kubeconfig``'s current context names; only the tenants' namespaces are the lab's.

    The product uses the same login as its owner, who decides about rights there.
    """

    ground: Ground
    kubeconfig: str

    name = "kubernetes"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The API server's address."""
        return self._cluster.url

    def start(self) -> None:
        """Make the tenants' namespaces, unless they are there.

        :raises LabError: when the cluster does not answer.
        """
        if not self._cluster.is_ready():
            raise LabError(
                f"KUBECONFIG is set to {self.kubeconfig}, but its cluster does not answer; "
                "start that cluster, or unset KUBECONFIG to let the lab start its own node"
            )
        ensure_namespaces(self._cluster, self.ground.paths.key)

    def stop(self) -> None:
        """Delete the namespaces the lab has made there; the cluster goes on."""
        if self._cluster.is_ready():
            remove_namespaces(self._cluster, self.ground.paths.key)

    def is_up(self) -> bool:
        """Say whether the cluster answers and has the tenants' namespaces."""
        return self._cluster.is_ready() and has_tenants(self._cluster)

    def pids(self) -> tuple[int, ...]:
        """Return nothing: it is not the lab's to run."""
        return ()

    def exports(self) -> Mapping[str, str]:
        """Return the login: the user's, for people and product."""
        return dict.fromkeys(
            ("KUBECONFIG", "SLIPWAY_KUBECONFIG", "SLIPWAY_TENANTS_KUBECONFIG"), self.kubeconfig
        )

    @property
    def _cluster(self) -> Cluster:
        return Cluster(self.kubeconfig, proxied=True)
