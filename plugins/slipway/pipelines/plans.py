"""What a release is to be on each platform: a plan, made from ``slipway.yaml`` at the release's commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from slipway.flow.apps import Environment
from slipway.flow.image import Image, Platform
from slipway.flow.manifests import from_manifests
from slipway.flow.push import PushEvent
from slipway.flow.record import Record
from slipway.flow.spec import BuildSpec
from slipway.flow.workload import Workload, finished, from_spec
from slipway.github.repository import Commit
from slipway.pipelines.commit import read_manifests

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """One platform's image, and where it is to run."""

    push: PushEvent
    commit: Commit
    spec: BuildSpec
    image: Image
    name: str
    """Of the environment."""
    environment: Environment


def _container(wanted: Wanted) -> Workload:
    spec, image, namespace = wanted.spec, wanted.image, wanted.environment.namespace
    assert spec.container is not None  # an image was made from it
    kubernetes = spec.container.kubernetes
    if kubernetes.manifests:
        manifests = read_manifests(wanted.commit, kubernetes.manifests)
        objects = from_manifests(manifests, spec.name, namespace, image.reference)
    else:
        objects = from_spec(spec, namespace, image)
    log.info("%s goes to %s: namespace %s, %d objects", image.reference, wanted.name, namespace, len(objects))
    return Workload(
        push=wanted.push,
        application=spec.name,
        environment=wanted.name,
        namespace=namespace,
        image=image,
        objects=finished(objects, spec.name, wanted.push, image),
        health=kubernetes.health,
        progress_seconds=kubernetes.progress_seconds,
    )


PLANS: Mapping[Platform, Callable[[Wanted], Record | None]] = {"container": _container}
"""How each platform is planned; None when the image is to be kept and not run."""
