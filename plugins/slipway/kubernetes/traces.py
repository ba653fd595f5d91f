"""Orphaned rollouts: the ledger names a run that tries something, but the run has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from slipway.flow.kubernetes.manifests import RECORD_SUFFIX
from slipway.flow.kubernetes.objects import Json
from slipway.flow.kubernetes.workload import MANAGED_BY
from slipway.flow.orphans import Trace
from slipway.flow.release import SupersededError
from slipway.kubernetes import deployer, ledger
from slipway.kubernetes.cluster import Cluster, connected
from slipway.kubernetes.errors import ClusterError

KIND = "rollout"
T = TypeVar("T")


@dataclass(frozen=True)
class ClusterTraces:
    """The rollouts in the tenants' namespaces.

    :param namespaces: all that Slipway deploys to.
    """

    namespaces: Iterable[str]
    connect: Callable[[], AbstractAsyncContextManager[Cluster]] = connected
    name = "kubernetes"

    def find(self) -> list[Trace]:
        """Return the rollouts that are under way, or orphaned.

        :raises ClusterError: when a ledger cannot be understood.
        :raises TransientClusterError: when the cluster does not answer.
        """

        async def work(cluster: Cluster) -> list[Trace]:
            return [trace for one in self.namespaces async for trace in self._of_namespace(cluster, one)]

        return self._ask(work)

    def remove(self, trace: Trace) -> bool:
        """Restore the previous version, if the rollout is still what was found; says whether it is gone.

        Nobody waits until that version serves: what served before goes on serving meanwhile.
        """
        namespace, _, application = trace.id.partition("/")

        async def work(cluster: Cluster) -> bool:
            known = await ledger.read(cluster, application, namespace)
            if not ledger.is_mine(known, trace.run):
                return known.attempt is None
            try:
                await deployer.go_back(cluster, application, namespace, trace.run)
            except SupersededError:
                return False
            return True

        return self._ask(work)

    async def _of_namespace(self, cluster: Cluster, namespace: str) -> AsyncIterator[Trace]:
        for body in await cluster.config_maps(namespace, f"{MANAGED_BY}=slipway"):
            name = str(body["metadata"]["name"])
            if not name.endswith(RECORD_SUFFIX):
                continue
            application = name.removesuffix(RECORD_SUFFIX)
            attempt = (await ledger.read(cluster, application, namespace)).attempt
            if attempt is not None:
                yield Trace(
                    place=self.name,
                    kind=KIND,
                    id=f"{namespace}/{application}",
                    name=f"{application} {attempt.workload.push.short_commit}",
                    run=attempt.run,
                    made=_written(body),
                )

    def _ask(self, work: Callable[[Cluster], Coroutine[Any, Any, T]]) -> T:
        async def inside() -> T:
            async with self.connect() as cluster:
                return await work(cluster)

        return asyncio.run(inside())


def _written(body: Json) -> datetime:
    """Return when a ConfigMap was written last."""
    metadata = body["metadata"]
    times = [entry["time"] for entry in metadata.get("managedFields") or () if entry.get("time")]
    try:
        return datetime.fromisoformat(max(times, default=metadata["creationTimestamp"]))
    except (KeyError, ValueError) as error:
        raise ClusterError(f"the cluster does not say when {metadata.get('name')} was written") from error
