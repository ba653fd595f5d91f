"""Kubernetes' side of a release: the ledger in the namespace says what is good, and what is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from slipway.flow.deployment import Deployment
from slipway.flow.kubernetes.workload import KubernetesPlan
from slipway.flow.release import NOTHING
from slipway.kubernetes import deployer, ledger
from slipway.kubernetes.cluster import CONNECTION, Cluster, connected
from slipway.rollout.side import Json, Side

T = TypeVar("T")
Work = Callable[[Cluster], Coroutine[Any, Any, T]]


class KubernetesSide(Side):
    """Plans are :class:`slipway.flow.kubernetes.workload.KubernetesPlan`.

    :param conn_id: connection of Airflow's type ``kubernetes``.
    """

    def __init__(self, conn_id: str = CONNECTION) -> None:
        self.conn_id = conn_id

    @classmethod
    def of(cls, plan: Json) -> KubernetesSide:
        """Return the side of the cluster that the plan is for."""
        return cls(KubernetesPlan.from_json(plan).cluster)

    def tried(self, plan: Json) -> str:
        """Return the workload's commit and digest."""
        return deployer.described(KubernetesPlan.from_json(plan))

    def before(self, plan: Json, run: str) -> str:
        """Return what the ledger says was good before ``run``."""
        place = _place(plan)
        known = ledger.before(self.ask(lambda cluster: ledger.read(cluster, *place)), run)
        return deployer.described(known.workload) if known else NOTHING

    def refuse_older(self, plan: Json, run: str) -> None:
        """Read the ledger."""
        known = self.ask(lambda cluster: ledger.read(cluster, *_place(plan)))
        ledger.claim(known, ledger.KubernetesAttempt(run=run, workload=KubernetesPlan.from_json(plan)))

    def check(self, plan: Json, run: str) -> None:
        """Read the ledger."""
        known = self.ask(lambda cluster: ledger.read(cluster, *_place(plan)))
        if not ledger.is_good(known, run):
            ledger.mine(known, run)

    def keep(self, plan: Json, run: str) -> Deployment:
        """Write into the ledger that it is good."""
        return self.ask(lambda cluster: deployer.keep(cluster, *_place(plan), run))

    def clear(self, plan: Json, run: str) -> None:
        """Remove the objects that are declared no longer."""
        self.ask(lambda cluster: deployer.clear(cluster, *_place(plan), run))

    def page(self, plan: Json) -> str:
        """Return the main object's address in the cluster's API."""
        workload = KubernetesPlan.from_json(plan)

        async def work(cluster: Cluster) -> str:
            return cluster.address(deployer.main_object(workload), workload.namespace)

        return self.ask(work)

    def ask(self, work: Work[T]) -> T:
        """Run one exchange with the cluster, in a task."""

        async def inside() -> T:
            async with connected(self.conn_id) as cluster:
                return await work(cluster)

        return asyncio.run(inside())


def _place(plan: Json) -> tuple[str, str]:
    return plan["application"], plan["namespace"]
