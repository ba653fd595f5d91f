"""Kubernetes' side of a release: the ledger in the namespace says what is good, and what is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from slipway.flow.deployment import Deployment
from slipway.flow.kubernetes.workload import KubernetesPlan
from slipway.flow.release import NOTHING
from slipway.kubernetes import deployer, ledger
from slipway.kubernetes.cluster import Cluster, connected
from slipway.rollout.side import Side

T = TypeVar("T")
Work = Callable[[Cluster], Coroutine[Any, Any, T]]


class KubernetesSide(Side[KubernetesPlan]):
    """The cluster that the plan is for."""

    @property
    def place(self) -> tuple[str, str]:
        """The application and its namespace: by them the ledger is found."""
        return self.plan.application, self.plan.namespace

    def before(self, run: str) -> str:
        """Return what the ledger says was good before ``run``."""
        known = ledger.before(self._read(), run)
        return deployer.described(known.workload) if known else NOTHING

    def refuse_older(self, run: str) -> None:
        """Read the ledger."""
        ledger.claim(self._read(), ledger.KubernetesAttempt(run=run, workload=self.plan))

    def check(self, run: str) -> None:
        """Read the ledger."""
        known = self._read()
        if not ledger.is_good(known, run):
            ledger.mine(known, run)

    def keep(self, run: str) -> Deployment:
        """Mark it as good in the ledger."""
        return self.ask(lambda cluster: deployer.keep(cluster, *self.place, run))

    def clear(self, run: str) -> None:
        """Remove the objects that are no longer declared."""
        self.ask(lambda cluster: deployer.clear(cluster, *self.place, run))

    def page(self) -> str:
        """Return the main object's address in the cluster's API."""

        async def work(cluster: Cluster) -> str:
            return cluster.address(deployer.main_object(self.plan), self.plan.namespace)

        return self.ask(work)

    def _read(self) -> ledger.KubernetesLedger:
        return self.ask(lambda cluster: ledger.read(cluster, *self.place))

    def ask(self, work: Work[T]) -> T:
        """Run one exchange with the cluster, in a task."""

        async def inside() -> T:
            async with connected(self.plan.cluster) as cluster:
                return await work(cluster)

        return asyncio.run(inside())
