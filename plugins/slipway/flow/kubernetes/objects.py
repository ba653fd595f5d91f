"""Kubernetes objects that a tenant's application may be made of.

The kinds are those that ``include/recipes/kubernetes/deployer.yaml`` gives rights to, in the order in which
they are applied: what others need comes first. All are namespaced.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from slipway.flow.record import Record

Json = dict[str, Any]


class ObjectKind(NamedTuple):
    """A kind of object, in one version of its API group."""

    api_version: str
    name: str
    plural: str

    @property
    def path(self) -> str:
        """The API's path up to the version: ``/api/v1`` or ``/apis/GROUP/VERSION``."""
        return f"/{'apis' if '/' in self.api_version else 'api'}/{self.api_version}"


_ORDER = (
    ObjectKind("v1", "ServiceAccount", "serviceaccounts"),
    ObjectKind("v1", "ConfigMap", "configmaps"),
    ObjectKind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ObjectKind("v1", "Service", "services"),
    ObjectKind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ObjectKind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ObjectKind("policy/v1beta1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ObjectKind("apps/v1", "Deployment", "deployments"),
    ObjectKind("apps/v1", "StatefulSet", "statefulsets"),
    ObjectKind("apps/v1", "DaemonSet", "daemonsets"),
    ObjectKind("batch/v1", "Job", "jobs"),
    ObjectKind("batch/v1", "CronJob", "cronjobs"),
    ObjectKind("batch/v1beta1", "CronJob", "cronjobs"),
    ObjectKind("autoscaling/v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ObjectKind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ObjectKind("networking.k8s.io/v1", "Ingress", "ingresses"),
)
KINDS = {(kind.api_version, kind.name): kind for kind in _ORDER}
RANK = {key: rank for rank, key in enumerate(KINDS)}

WATCHED = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds whose rollout is waited for."""
KEPT = ("PersistentVolumeClaim",)
"""Kinds that are never removed: what is in them cannot be made again."""


class ObjectRef(Record):
    """Names one object of a namespace."""

    api_version: str
    kind: str
    name: str

    @classmethod
    def of(cls, body: Json) -> Self:
        """Return the name of ``body``."""
        return cls(
            api_version=body.get("apiVersion", ""),
            kind=body.get("kind", ""),
            name=body["metadata"]["name"],
        )

    def __str__(self) -> str:
        """As people name it: ``deployment/shop``."""
        return f"{self.kind.lower()}/{self.name}"


def pod_spec(body: Json) -> Json:
    """Return the ``spec`` of the pods that ``body`` makes; empty for a kind that makes none."""
    if body.get("kind") not in (*WATCHED, "Job", "CronJob"):
        return {}
    spec = mapping(body.get("spec"))
    if body["kind"] == "CronJob":
        spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    return mapping(mapping(spec.get("template")).get("spec"))


def containers(spec: Json) -> list[Json]:
    """Return every container of a pod's ``spec``: initial, main and ephemeral ones."""
    found: list[Json] = []
    for name in ("initContainers", "containers", "ephemeralContainers"):
        found += [one for one in items(spec.get(name)) if isinstance(one, dict)]
    return found


def mapping(value: Any) -> Json:
    """Return ``value`` if it is a mapping, else an empty one: what people write may be anything."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
