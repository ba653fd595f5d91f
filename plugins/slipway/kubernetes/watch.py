"""Follows a rollout: from its objects being applied to its health URL answering."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from slipway.flow.kubernetes import rollout
from slipway.flow.kubernetes.objects import WATCHED, Json, ObjectRef
from slipway.flow.kubernetes.rollout import ObjectProgress
from slipway.flow.kubernetes.workload import RUN, KubernetesPlan, refs
from slipway.flow.record import Name, Record
from slipway.flow.spec import Health
from slipway.kubernetes import health
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.errors import TransientClusterError

log = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
"""A failure that may pass must stay this long."""
FIRST_POLL_SECONDS, LAST_POLL_SECONDS = 0.2, 3.0


class KubernetesWatch(Record):
    """The followed rollout, small enough to be handed to the triggerer."""

    run: str
    """The mark that the objects carry while they are this rollout's."""
    application: Name
    namespace: Name
    objects: tuple[ObjectRef, ...]
    health: Health | None
    progress_seconds: int

    @classmethod
    def of(cls, workload: KubernetesPlan, run: str) -> KubernetesWatch:
        """Return what has to be followed of a workload."""
        return cls(
            run=run,
            application=workload.application,
            namespace=workload.namespace,
            objects=tuple(ref for ref in refs(workload.objects) if ref.kind in WATCHED),
            health=workload.health,
            progress_seconds=workload.progress_seconds,
        )


class KubernetesOutcome(Record):
    """How a rollout ended."""

    state: str
    """``healthy``, ``failed``, or ``displaced`` when other objects took its place."""
    reason: str = ""


async def follow(cluster: Cluster, watch: KubernetesWatch) -> KubernetesOutcome:
    """Wait until the rollout has ended, one way or the other."""
    outcome = await _rolled_out(cluster, watch)
    if outcome.state != "healthy" or watch.health is None:
        return outcome
    reason = await health.answers(cluster, watch.namespace, watch.application, watch.health)
    return KubernetesOutcome(state="failed", reason=reason) if reason else outcome


async def look(
    cluster: Cluster, watch: KubernetesWatch
) -> tuple[KubernetesOutcome | None, list[ObjectProgress]]:
    """Poll once: the outcome, if it is certain, and the progress of each object."""
    found = await asyncio.gather(*(_progress(cluster, watch, ref) for ref in watch.objects))
    if any(progress is None for progress in found):
        return KubernetesOutcome(state="displaced"), []
    progress = [one for one in found if one is not None]
    if all(one.done for one in progress):
        return KubernetesOutcome(state="healthy"), progress
    return None, progress


async def _rolled_out(cluster: Cluster, watch: KubernetesWatch) -> KubernetesOutcome:
    began = moved = time.monotonic()
    failing_since: float | None = None
    counts: Sequence[tuple[int, ...]] = ()
    shown = ""
    while True:
        try:
            outcome, progress = await look(cluster, watch)
        except TransientClusterError as error:
            log.warning("%s; retrying", error)
            await asyncio.sleep(LAST_POLL_SECONDS)
            continue
        if outcome is not None:
            return outcome
        now = time.monotonic()
        if (seen := [one.counts for one in progress]) != counts:
            counts, moved = seen, now
        if (text := _text(watch, progress)) != shown:
            shown = text
            log.info("[%5.1f s] %s", now - began, text)
        failure = next((one for one in progress if one.failure), None)
        failing_since = (failing_since or now) if failure else None
        if failure and failing_since and now - failing_since >= (GRACE_SECONDS if failure.may_pass else 0):
            return KubernetesOutcome(state="failed", reason=failure.failure)
        if now - moved > watch.progress_seconds:
            reason = f"no progress for {watch.progress_seconds} s ({text})"
            return KubernetesOutcome(state="failed", reason=reason)
        await asyncio.sleep(min(LAST_POLL_SECONDS, max(FIRST_POLL_SECONDS, (now - began) / 10)))


async def _progress(cluster: Cluster, watch: KubernetesWatch, ref: ObjectRef) -> ObjectProgress | None:
    """Return how far ``ref`` is, or None when it is not this rollout's any more."""
    body = await cluster.find(ref, watch.namespace)
    if body is None or (body["metadata"].get("annotations") or {}).get(RUN) != watch.run:
        return None
    progress = rollout.assess(body)
    if progress.done:
        return progress
    return rollout.assess(body, await new_pods(cluster, watch.namespace, body))


async def new_pods(cluster: Cluster, namespace: str, body: Json) -> list[Json]:
    """Return the pods of the newest revision of ``body``."""
    selector = rollout.selector(body)
    pods = await cluster.pods(namespace, selector)
    sets = await cluster.replica_sets(namespace, selector) if body["kind"] == "Deployment" else []
    return rollout.newest(body, sets, pods)


def _text(watch: KubernetesWatch, progress: Sequence[ObjectProgress]) -> str:
    pairs = zip(watch.objects, progress, strict=True)
    return "; ".join(f"{ref}: {one.text}{_but(one)}" for ref, one in pairs)


def _but(progress: ObjectProgress) -> str:
    return f", {progress.failure}" if progress.failure else ""
