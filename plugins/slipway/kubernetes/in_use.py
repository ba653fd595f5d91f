"""Which images a cluster runs: those of pods, those that pods are to be made of, and those of rollouts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from slipway.flow.kubernetes.manifests import RECORD_SUFFIX
from slipway.flow.kubernetes.objects import Json
from slipway.flow.kubernetes.workload import MANAGED_BY
from slipway.kubernetes import ledger
from slipway.kubernetes.cluster import Cluster
from slipway.kubernetes.errors import ClusterError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
CONTAINERS = "initContainers", "containers", "ephemeralContainers"
STATUSES = "initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"


async def running(cluster: Cluster, namespaces: Iterable[str]) -> dict[str, str]:
    """Return what runs an image, for people, by its digest, or by ``repository:tag`` without the host.

    Where a ledger cannot be understood, nobody knows which images: the application stands for all of its.

    :raises ClusterError: when the cluster refuses to tell.
    :raises TransientClusterError: when it does not answer.
    """
    found: dict[str, str] = {}
    for namespace in namespaces:
        for pod in await cluster.pods(namespace, ""):
            _note(found, f"pod {namespace}/{pod['metadata']['name']} runs it", _of_pod(pod))
        for replicas in await cluster.replica_sets(namespace, ""):
            if replicas["spec"].get("replicas", 1):
                what = f"ReplicaSet {namespace}/{replicas['metadata']['name']} runs it"
                _note(found, what, _of_spec(replicas["spec"]["template"]["spec"]))
        for body in await cluster.config_maps(namespace, f"{MANAGED_BY}=slipway"):
            name = str(body["metadata"]["name"])
            if name.endswith(RECORD_SUFFIX):
                await _note_ledger(found, cluster, name.removesuffix(RECORD_SUFFIX), namespace)
    return found


async def _note_ledger(found: dict[str, str], cluster: Cluster, application: str, namespace: str) -> None:
    try:
        known = await ledger.read(cluster, application, namespace)
    except ClusterError as error:
        found.setdefault(application, str(error))
    else:
        _note(found, f"deployment {namespace}/{application} runs it", _of_ledger(known))


def _note(found: dict[str, str], what: str, references: Iterable[str]) -> None:
    for reference in references:
        digests = _DIGEST.findall(reference)
        for name in digests or [reference.partition("/")[2]]:
            found.setdefault(name, what)


def _of_pod(pod: Json) -> Iterator[str]:
    yield from _of_spec(pod["spec"])
    for kind in STATUSES:
        for status in (pod.get("status") or {}).get(kind) or ():
            yield str(status.get("imageID") or "")


def _of_spec(spec: Json) -> Iterator[str]:
    for kind in CONTAINERS:
        for container in spec.get(kind) or ():
            yield str(container.get("image") or "")


def _of_ledger(known: ledger.KubernetesLedger) -> Iterator[str]:
    for version in (known.good, known.previous, known.attempt):
        if version is not None:
            yield version.workload.image.digest
