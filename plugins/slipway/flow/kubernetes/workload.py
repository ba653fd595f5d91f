"""One release of an application on Kubernetes: the objects, and when they count as good."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from slipway.flow.environments import CLUSTER
from slipway.flow.image import Image
from slipway.flow.kubernetes.objects import RANK, Json, ObjectRef, containers, pod_spec
from slipway.flow.push import PushEvent
from slipway.flow.record import Name, Record, RepositoryName
from slipway.flow.spec import BuildSpec, ConfigMap, Health, Kubernetes, Probe, SecretRef, Volume

APPLICATION = "slipway.io/application"
"""Label: on every object that is an application's, and what its pods are selected by."""
REPOSITORY = "slipway.io/repository"
MANAGED_BY = "app.kubernetes.io/managed-by"
RUN = "slipway.io/run"
"""Annotation: the run that applied the object last."""


class KubernetesPlan(Record):
    """An application's objects for one environment."""

    push: PushEvent
    names: tuple[RepositoryName, ...] = ()
    """All names that a renamed repository has had, the oldest first: what is theirs is this application's."""
    application: Name
    environment: Name
    cluster: str = CLUSTER
    """Connection of the cluster."""
    namespace: Name
    image: Image
    objects: tuple[Json, ...]
    """In the order in which they are applied."""
    health: Health | None = None
    progress_seconds: int = 120


def finished(objects: list[Json], application: str, push: PushEvent, image: Image) -> tuple[Json, ...]:
    """Return the objects with whose they are and what they are from, in the order to apply them.

    Nothing of the commit is written into a pod's template: pods start anew only when what they run changes.
    """
    labels = {MANAGED_BY: "slipway", APPLICATION: application}
    annotations = {
        REPOSITORY: push.repository,
        "slipway.io/commit": push.commit,
        "slipway.io/digest": image.digest,
    }
    done = [
        body
        | {
            "metadata": body["metadata"]
            | {
                "labels": (body["metadata"].get("labels") or {}) | labels,
                "annotations": (body["metadata"].get("annotations") or {}) | annotations,
            }
        }
        for body in objects
    ]
    return tuple(sorted(done, key=lambda body: RANK[body["apiVersion"], body["kind"]]))


def from_spec(spec: BuildSpec, namespace: str, image: Image) -> list[Json]:
    """Return a Deployment, a Service when there are ports, and a ConfigMap for each ``config``."""
    assert spec.container is not None  # it has an image
    kubernetes, name = spec.container.kubernetes, spec.name
    config = [
        _object("v1", "ConfigMap", _config_name(name, key, one), namespace, data=dict(one.data))
        for key, one in kubernetes.config.items()
    ]
    service = [_service(name, namespace, kubernetes)] if kubernetes.ports else []
    return [*config, *service, _deployment(name, namespace, kubernetes, image)]


def refs(objects: tuple[Json, ...] | list[Json]) -> list[ObjectRef]:
    """Return the names of objects."""
    return [ObjectRef.of(body) for body in objects]


def with_image(body: Json, application: str, reference: str) -> Json:
    """Return ``body`` with the image of the container (or containers) named like the application."""
    copy: Json = json.loads(json.dumps(body))
    for container in containers(pod_spec(copy)):
        if container.get("name") == application:
            container["image"] = reference
    return copy


def _object(api_version: str, kind: str, name: str, namespace: str, **content: Any) -> Json:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _service(name: str, namespace: str, kubernetes: Kubernetes) -> Json:
    ports = [
        {"name": port.name, "port": port.service, "targetPort": port.name, "protocol": "TCP"}
        for port in kubernetes.ports
    ]
    spec = {"type": kubernetes.service, "selector": {APPLICATION: name}, "ports": ports}
    return _object("v1", "Service", name, namespace, spec=spec)


def _deployment(name: str, namespace: str, kubernetes: Kubernetes, image: Image) -> Json:
    labels = {APPLICATION: name, "app.kubernetes.io/name": name}
    template: Json = {
        "metadata": {"labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "containers": [_container(name, kubernetes, image)],
            "volumes": _volumes(name, kubernetes),
        },
    }
    spec = {
        "replicas": kubernetes.replicas,
        "progressDeadlineSeconds": kubernetes.progress_seconds,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": {APPLICATION: name}},
        # The old version serves until the new one does.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "template": template,
    }
    return _object("apps/v1", "Deployment", name, namespace, spec=spec)


def _config_name(application: str, key: str, config: ConfigMap) -> str:
    """Name it by its content: pods start anew when it changes, and those of the old version keep theirs."""
    text = json.dumps(dict(config.data), sort_keys=True)
    return f"{application}-{key}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _container(name: str, kubernetes: Kubernetes, image: Image) -> Json:
    resources = kubernetes.resources
    limits = {"cpu": resources.cpu_limit, "memory": resources.memory_limit}
    container: Json = {
        "name": name,
        "image": image.reference,
        "imagePullPolicy": "IfNotPresent",
        "ports": [
            {"name": port.name, "containerPort": port.container, "protocol": "TCP"}
            for port in kubernetes.ports
        ],
        "env": [_variable(key, value) for key, value in kubernetes.env.items()],
        "resources": {
            "requests": {"cpu": resources.cpu, "memory": resources.memory},
            "limits": {key: value for key, value in limits.items() if value},
        },
        "volumeMounts": [
            *({"name": f"config-{key}", "mountPath": one.mount} for key, one in kubernetes.config.items()),
            *(
                {"name": f"volume-{key}", "mountPath": one.mount, "readOnly": one.read_only}
                for key, one in kubernetes.volumes.items()
            ),
        ],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    for kind in ("readiness", "liveness", "startup"):
        if (probe := getattr(kubernetes.probes, kind)) is not None:
            container[f"{kind}Probe"] = _probe(probe)
    return container


def _variable(name: str, value: str | SecretRef) -> Json:
    if isinstance(value, SecretRef):
        return {"name": name, "valueFrom": {"secretKeyRef": {"name": value.secret, "key": value.key}}}
    return {"name": name, "value": value}


def _probe(probe: Probe) -> Json:
    if probe.command:
        way: Json = {"exec": {"command": list(probe.command)}}
    elif probe.tcp:
        way = {"tcpSocket": {"port": probe.port}}
    else:
        way = {"httpGet": {"path": probe.http, "port": probe.port}}
    return way | {
        "initialDelaySeconds": probe.delay_seconds,
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failures,
    }


def _volumes(name: str, kubernetes: Kubernetes) -> list[Json]:
    config = [
        {"name": f"config-{key}", "configMap": {"name": _config_name(name, key, one)}}
        for key, one in kubernetes.config.items()
    ]
    return [*config, *({"name": f"volume-{key}"} | _source(one) for key, one in kubernetes.volumes.items())]


def _source(volume: Volume) -> Json:
    if volume.claim is not None:
        return {"persistentVolumeClaim": {"claimName": volume.claim, "readOnly": volume.read_only}}
    if volume.secret is not None:
        return {"secret": {"secretName": volume.secret}}
    return {"emptyDir": {"sizeLimit": volume.empty}}


def runs_image(body: Json, application: str) -> bool:
    """Say whether ``body`` has a container that is named like the application."""
    return any(one.get("name") == application for one in containers(pod_spec(body)))
