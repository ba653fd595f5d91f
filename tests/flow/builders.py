"""Records for tests, with only what a test cares about to be said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.flow.deployment import Deployment
from slipway.flow.document import load
from slipway.flow.image import Image
from slipway.flow.kubernetes.workload import KubernetesPlan, finished, from_spec
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.spec import BuildSpec

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
DIGEST = f"sha256:{'d' * 64}"


def push(commit: str = "a", minutes: int = 0, repository: str = "octo/shop") -> PushEvent:
    return PushEvent(
        repository=repository, ref="refs/heads/main", commit=commit * 40, at=NOON + timedelta(minutes=minutes)
    )


def image(application: str = "shop", digest: str = DIGEST, reference: str = "") -> Image:
    return Image(
        platform="container",
        application=application,
        repository="octo/shop",
        commit="a" * 40,
        digest=digest,
        input_digest=digest,
        reference=reference or f"registry:5000/docker-local/acme/{application}@{digest}",
    )


def deployed(
    commit: str,
    minutes: int,
    repository: str = "octo/shop",
    platform: Platform = "container",
    to: str = "production",
) -> Deployment:
    return Deployment(
        push=push(commit, minutes, repository),
        application="shop",
        environment=to,
        platform=platform,
        image=image(),
        where="acme/deployment/shop",
        since=NOON + timedelta(minutes=minutes),
    )


def spec(kubernetes: str = "", name: str = "shop") -> BuildSpec:
    """Return a spec; ``kubernetes`` is YAML in flow style, as ``{replicas: 2}``."""
    text = f"version: 1\nname: {name}\ncontainer:\n  kubernetes: {kubernetes or '{}'}\n"
    return load(text.encode(), BuildSpec, "slipway.yaml")


def workload(
    kubernetes: str = "",
    pushed: PushEvent | None = None,
    *,
    name: str = "shop",
    namespace: str = "acme",
    runs: Image | None = None,
) -> KubernetesPlan:
    pushed, runs = pushed or push(), runs or image(name)
    known: Any = spec(kubernetes, name)
    return KubernetesPlan(
        push=pushed,
        application=name,
        environment="production",
        namespace=namespace,
        image=runs,
        objects=finished(from_spec(known, namespace, runs), name, pushed, runs),
        health=known.container.kubernetes.health,
        progress_seconds=known.container.kubernetes.progress_seconds,
    )
