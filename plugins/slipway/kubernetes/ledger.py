"""The ledger of an application in a namespace: the release that runs, and the one being tried.

It is kept in the namespace itself, in ConfigMap ``<application>.slipway``, written only if no other wrote it
meanwhile. So any worker that comes after a crash knows what to go back to and what to clear away, and of two
pushes at the same time the newer one wins. The decisions are pure; the rest reads and writes.
"""

from __future__ import annotations

import base64
import gzip
import json
from datetime import datetime

from pydantic import AwareDatetime

from slipway.flow.kubernetes.manifests import RECORD_SUFFIX
from slipway.flow.kubernetes.objects import Json, ObjectRef
from slipway.flow.kubernetes.workload import APPLICATION, MANAGED_BY, REPOSITORY, KubernetesPlan, refs
from slipway.flow.ledger import KeptEntry, Ledger, LedgerEntry, attempt_of, refuse_others
from slipway.flow.ledger import before as before
from slipway.flow.ledger import is_good as is_good
from slipway.flow.ledger import is_mine as is_mine
from slipway.flow.ledger import settled as settled
from slipway.flow.ledger import taken_back as taken_back
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.errors import ClusterError, ClusterRefusedError

MAX_BYTES = 900 * 1024
"""Of a ConfigMap's mebibyte, in base64."""
_KEY = "ledger.json.gz"


class KubernetesAttempt(LedgerEntry):
    """A rollout that has begun."""

    workload: KubernetesPlan

    @property
    def plan(self) -> KubernetesPlan:
        """The workload."""
        return self.workload


class KubernetesGood(KeptEntry[KubernetesAttempt]):
    """The last rollout that was healthy."""

    workload: KubernetesPlan
    since: AwareDatetime

    @property
    def plan(self) -> KubernetesPlan:
        """The workload."""
        return self.workload

    def attempted(self) -> KubernetesAttempt:
        """Return the same as an attempt."""
        return KubernetesAttempt(run=self.run, workload=self.workload)


class KubernetesLedger(Ledger[KubernetesAttempt, KubernetesGood]):
    """One application in one namespace."""

    applied: tuple[ObjectRef, ...] = ()
    """Every object that may be there because of Slipway."""
    version: str = ""
    """``resourceVersion`` of the ConfigMap it was read from; empty when there is none."""


def claim(ledger: KubernetesLedger, attempt: KubernetesAttempt) -> KubernetesLedger:
    """Begin ``attempt``, also in the place of an older one that has not ended.

    :raises SupersededError: when a newer push runs, or is being rolled out.
    :raises ClusterRefusedError: when the name is another repository's.
    """

    def taken(repository: str) -> ClusterRefusedError:
        return ClusterRefusedError(
            f"{attempt.workload.application!r} in namespace {attempt.workload.namespace} belongs to "
            f"{repository}. Choose another name in slipway.yaml, or another namespace in apps.yaml."
        )

    refuse_others(ledger, attempt, taken)
    wanted = dict.fromkeys([*ledger.applied, *refs(attempt.workload.objects)])
    return ledger.model_copy(update={"attempt": attempt, "applied": tuple(wanted)})


def succeeded(ledger: KubernetesLedger, run: str, now: datetime) -> KubernetesLedger:
    """Mark the attempt of ``run`` as good; the previous one stays restorable.

    :raises SupersededError: when another run took its place.
    """
    if not is_mine(ledger, run) and is_good(ledger, run):
        return ledger
    workload, last = mine(ledger, run), ledger.good
    if last is not None and last.run == run:
        good = KubernetesGood(run=run, workload=workload, since=last.since)
        return ledger.model_copy(update={"good": good, "attempt": None})
    good = KubernetesGood(run=run, workload=workload, since=now)
    return ledger.model_copy(update={"good": good, "previous": last, "attempt": None})


def leftovers(ledger: KubernetesLedger, run: str) -> list[ObjectRef]:
    """Return what may be there, but belongs neither to what is good nor to an attempt of another run.

    The last applied comes first.
    """
    kept = _kept(ledger, run)
    return [ref for ref in reversed(ledger.applied) if ref not in kept]


def cleared(ledger: KubernetesLedger, run: str) -> KubernetesLedger:
    """Say that :func:`leftovers` are gone, and that ``run`` tries nothing any more."""
    attempt = None if is_mine(ledger, run) else ledger.attempt
    return ledger.model_copy(update={"attempt": attempt, "applied": tuple(_kept(ledger, run))})


def _kept(ledger: KubernetesLedger, run: str) -> dict[ObjectRef, None]:
    good = [ref for one in (ledger.good, ledger.previous) if one for ref in refs(one.workload.objects)]
    others = refs(ledger.attempt.workload.objects) if ledger.attempt and not is_mine(ledger, run) else []
    return dict.fromkeys([*good, *others])


def mine(ledger: KubernetesLedger, run: str) -> KubernetesPlan:
    """Return what ``run`` is rolling out.

    :raises SupersededError: when another run took its place.
    """
    return attempt_of(ledger, run).workload


async def read(cluster: Cluster, application: str, namespace: str) -> KubernetesLedger:
    """Return the ledger; an empty one when there is none.

    :raises ClusterError: when it cannot be understood.
    """
    body = await cluster.find(_ref(application), namespace)
    if body is None:
        return KubernetesLedger()
    try:
        packed = base64.b64decode(body["binaryData"][_KEY])
        ledger = KubernetesLedger.from_json(json.loads(gzip.decompress(packed)))
    except (KeyError, ValueError, OSError) as error:
        raise ClusterError(
            f"ConfigMap {_ref(application).name} of {namespace} was changed by someone else. Restore it, or "
            "delete it: the next deployment is then a first one, and reports the objects that are in its way."
        ) from error
    return ledger.model_copy(update={"version": body["metadata"]["resourceVersion"]})


async def write(cluster: Cluster, ledger: KubernetesLedger, application: str, namespace: str) -> None:
    """Write the ledger.

    :raises ConflictError: when it is not as it was read any more: read, decide and write again.
    :raises ClusterError: when it is too large.
    """
    current = ledger.attempt or ledger.good
    content = json.dumps(ledger.model_dump(mode="json", exclude={"version"}), separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(content.encode(), mtime=0)).decode()
    if len(packed) > MAX_BYTES:
        raise ClusterError(
            f"the objects of {application} are too large to be kept for a rollback ({len(packed)} bytes "
            f"compressed, at most {MAX_BYTES}). Move large files from config maps into the image."
        )
    metadata: Json = {
        "name": _ref(application).name,
        "namespace": namespace,
        "labels": {MANAGED_BY: "slipway", APPLICATION: application},
        "annotations": {REPOSITORY: current.workload.push.repository if current else ""},
    }
    if ledger.version:
        metadata["resourceVersion"] = ledger.version
    summary = {
        "running": _summary(ledger.good),
        "rolling-out": _summary(ledger.attempt),
    }
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {key: value for key, value in summary.items() if value},
        "binaryData": {_KEY: packed},
    }
    await cluster.put_config_map(body, namespace)


async def forget(cluster: Cluster, application: str, namespace: str) -> None:
    """Remove the ledger of an application that never ran."""
    await cluster.delete(_ref(application), namespace)


def _ref(application: str) -> ObjectRef:
    return ObjectRef(api_version="v1", kind="ConfigMap", name=f"{application}{RECORD_SUFFIX}")


def _summary(version: KubernetesGood | KubernetesAttempt | None) -> str:
    """Return what `kubectl get configmap -o yaml` shows a person."""
    return f"{version.workload.push.commit} {version.workload.image.reference}" if version else ""
