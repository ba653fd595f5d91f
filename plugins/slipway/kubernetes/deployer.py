"""Applies a workload to a namespace, and restores the last good one.

Every step may be repeated: what is applied is written down before it is applied (:mod:`.ledger`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import groupby

from slipway.flow.deployment import Deployment
from slipway.flow.kubernetes.objects import KEPT, RANK, WATCHED, Json, ObjectRef
from slipway.flow.kubernetes.workload import APPLICATION, REPOSITORY, RUN, KubernetesPlan, refs
from slipway.flow.plans import deployed
from slipway.flow.release import version
from slipway.kubernetes import health, ledger
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.errors import ClusterConflictError, ClusterRefusedError, SupersededError
from slipway.kubernetes.ledger import KubernetesAttempt, KubernetesGood, KubernetesLedger
from slipway.kubernetes.watch import KubernetesWatch

log = logging.getLogger(__name__)

_TRIES = 5


async def begin(cluster: Cluster, workload: KubernetesPlan, run: str) -> KubernetesWatch:
    """Record what is to be applied, and apply it.

    :raises SupersededError: when a newer push is in place or on its way.
    :raises ClusterRefusedError: when the cluster refuses an object, or an object is someone else's.
    """
    known = await ledger.read(cluster, workload.application, workload.namespace)
    await _refuse_foreign(cluster, workload, known)
    attempt = KubernetesAttempt(run=run, workload=workload)
    place = (workload.application, workload.namespace)
    await _change(cluster, *place, lambda now: ledger.claim(now, attempt))
    log.info("applying %s to namespace %s", ", ".join(map(str, refs(workload.objects))), workload.namespace)
    await _apply(cluster, workload, run)
    return KubernetesWatch.of(workload, run)


async def again(cluster: Cluster, application: str, namespace: str, run: str) -> KubernetesWatch:
    """Apply the attempt of ``run`` again, after others wrote over it.

    :raises SupersededError: when another run took its place.
    """
    workload = ledger.mine(await ledger.read(cluster, application, namespace), run)
    await _apply(cluster, workload, run)
    return KubernetesWatch.of(workload, run)


async def keep(cluster: Cluster, application: str, namespace: str, run: str) -> Deployment:
    """Keep what ``run`` rolled out, and return what runs now; nothing is removed yet.

    :raises SupersededError: when another run took its place.
    """
    now = datetime.now(UTC)
    done = await _change(cluster, application, namespace, lambda known: ledger.succeeded(known, run, now))
    assert done.good is not None  # it was just taken for that
    return _deployment(done.good, done.previous, await health.url(cluster, namespace, application))


async def clear(cluster: Cluster, application: str, namespace: str, run: str) -> None:
    """Remove what only the previous version needed, now that ``run`` is there to stay."""
    await _remove_leftovers(cluster, application, namespace, run)


async def go_back(cluster: Cluster, application: str, namespace: str, run: str) -> KubernetesWatch | None:
    """Apply the last good workload again and remove what ``run`` added.

    :returns: what to follow until the old version serves; None when there is nothing: no version before, or
        nothing of this run.
    :raises SupersededError: when another run took its place; nothing is touched.
    """
    known = await ledger.read(cluster, application, namespace)
    mark = f"{run} rolled back"
    if not ledger.is_mine(known, run) and not ledger.is_good(known, run):
        return await _gone_back(cluster, namespace, known, mark)
    known = await _change(cluster, application, namespace, lambda now: ledger.taken_back(now, run))
    workload = ledger.mine(known, run)
    if known.good is None:
        log.info("there was no previous version: what was applied is removed")
        left = await _remove_leftovers(cluster, application, namespace, run)
        if left.attempt is None:  # else a newer push came meanwhile, and the ledger is its
            await ledger.forget(cluster, application, namespace)
        return None
    good = known.good.workload
    log.info("going back from %s to %s", workload.push.short_commit, described(good))
    await _apply(cluster, good, mark)
    await _remove_leftovers(cluster, application, namespace, run)
    return KubernetesWatch.of(good, mark)


async def _gone_back(
    cluster: Cluster, namespace: str, known: KubernetesLedger, mark: str
) -> KubernetesWatch | None:
    """Return what to follow when an earlier try went back already; None when there is nothing of the run."""
    if known.attempt is not None:
        raise SupersededError(
            f"{known.attempt.workload.push.short_commit} is being rolled out, and continues"
        )
    if known.good is None:
        return None
    body = await cluster.find(main_object(known.good.workload), namespace)
    annotations = (body or {}).get("metadata", {}).get("annotations") or {}
    return KubernetesWatch.of(known.good.workload, mark) if annotations.get(RUN) == mark else None


async def _change(
    cluster: Cluster, application: str, namespace: str, decide: Callable[[KubernetesLedger], KubernetesLedger]
) -> KubernetesLedger:
    """Read the ledger, decide, write it if it changed; decide again when another was faster."""
    for tries in range(1, _TRIES + 1):
        known = await ledger.read(cluster, application, namespace)
        decided = decide(known)
        if decided == known:
            break
        try:
            await ledger.write(cluster, decided, application, namespace)
        except ClusterConflictError:
            if tries == _TRIES:
                raise
        else:
            break
    return decided


async def _apply(cluster: Cluster, workload: KubernetesPlan, run: str) -> None:
    """Apply objects, kind by kind in their order, those of one kind side by side."""

    def kind(body: Json) -> int:
        return RANK[body["apiVersion"], body["kind"]]

    for _, group in groupby(workload.objects, key=kind):
        await asyncio.gather(*(cluster.apply(_marked(body, run), workload.namespace) for body in group))


def _marked(body: Json, run: str) -> Json:
    metadata = body["metadata"]
    return body | {"metadata": metadata | {"annotations": metadata["annotations"] | {RUN: run}}}


async def _remove_leftovers(cluster: Cluster, application: str, namespace: str, run: str) -> KubernetesLedger:
    """Remove what is no longer declared; return the ledger that records it."""
    known = ledger.settled(await ledger.read(cluster, application, namespace), run)
    for ref in ledger.leftovers(known, run):
        if ref.kind in KEPT:
            log.warning(
                "%s is no longer declared, and is kept with its data. Remove it yourself: kubectl -n %s "
                "delete %s",
                ref,
                namespace,
                ref,
            )
        elif await cluster.delete(ref, namespace):
            log.info("removed %s", ref)
    return await _change(
        cluster, application, namespace, lambda now: ledger.cleared(ledger.settled(now, run), run)
    )


async def _refuse_foreign(cluster: Cluster, workload: KubernetesPlan, known: KubernetesLedger) -> None:
    """Refuse to take over objects that are not this application's."""
    for ref in refs(workload.objects):
        if ref in known.applied:
            continue
        body = await cluster.find(ref, workload.namespace)
        if body is None:
            continue
        if owner := foreign_owner(body, workload):
            on = f"kubectl -n {workload.namespace}"
            raise ClusterRefusedError(
                f"{ref} is in namespace {workload.namespace} already and belongs to {owner}. "
                f"Choose another name; or hand it over: "
                f"{on} label {ref} {APPLICATION}={workload.application} && "
                f"{on} annotate {ref} {REPOSITORY}={workload.push.repository}"
            )


def foreign_owner(body: Json, workload: KubernetesPlan) -> str:
    """Return whose an object is; "" when it is the application's, also under a former repository name."""
    labels = body["metadata"].get("labels") or {}
    owner = (body["metadata"].get("annotations") or {}).get(REPOSITORY)
    ours = owner in (workload.push.repository, *workload.names)
    return "" if ours and labels.get(APPLICATION) == workload.application else str(owner or "someone else")


def described(workload: KubernetesPlan) -> str:
    """Return what people call this version."""
    return version(workload.push.commit, workload.image.digest)


def _deployment(good: KubernetesGood, replaced: KubernetesGood | None, url: str) -> Deployment:
    workload = good.workload
    before = replaced.workload.image.digest if replaced else None
    where = f"{workload.namespace}/{main_object(workload)}"
    return deployed(workload, where, good.since, before, url)


def main_object(workload: KubernetesPlan) -> ObjectRef:
    """Return the object that people call the application."""
    watched = [ref for ref in refs(workload.objects) if ref.kind in WATCHED]
    named = [ref for ref in watched if ref.name == workload.application]
    return (named or watched or refs(workload.objects))[0]
