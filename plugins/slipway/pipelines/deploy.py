"""The tasks of ``deploy``: from an image to the objects that are to run it."""

from __future__ import annotations

import logging

from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.docker.catalogue import find_commit_image
from slipway.docker.hook import get_registry
from slipway.docker.inputs import repository
from slipway.flow.apps import Application, Environment
from slipway.flow.image import Built, Image
from slipway.flow.manifests import from_manifests
from slipway.flow.objects import Json
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.flow.release import Release, assemble
from slipway.flow.spec import BuildSpec
from slipway.flow.workload import Workload, finished, from_spec
from slipway.github.hook import GithubHook
from slipway.github.repository import Commit, fetched
from slipway.pipelines.commit import read_manifests, read_spec
from slipway.pipelines.outcome import NothingToDo

log = logging.getLogger(__name__)


def release_of(builts: list[Built]) -> Release:
    """Put together what the pipelines handed on.

    :raises NothingToDo: when it is not to be deployed, or there is no image.
    """
    release = assemble(builts)
    push = release.push
    if not release.deploy:
        raise NothingToDo(f"{push.short_commit} was built without being asked to deploy")
    if not release.images:
        raise NothingToDo(f"slipway.yaml of {push.repository} at {push.short_commit} declares no image")
    return release


def release_asked_for(push: PushEvent) -> Release:
    """Return the release of a commit that was built before.

    :raises SlipwayError: when the image registry has no image of it.
    """
    tenant = load_apps().get(push.repository).tenant
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
    place = repository(tenant, spec.name, ArtifactoryHook().get_conn().docker)
    registry = get_registry()
    with registry.client() as client:
        found = find_commit_image(client, place, push.commit)
    if found is None:
        raise SlipwayError(
            f"{registry.host}/{place} has no image of {push.short_commit}. Start `container_image` for this "
            "commit first, with *Deploy it too* ticked."
        )
    manifest, maker, inputs = found
    image = Image(
        platform="container",
        application=spec.name,
        repository=push.repository,
        commit=maker,
        digest=manifest.digest,
        input_digest=inputs,
        reference=f"{registry.host}/{place}@{manifest.digest}",
    )
    return Release(push=push, images={"container": image})


def workload_of(release: Release, environment: str = "") -> Workload:
    """Return what is to run on Kubernetes.

    :param environment: of ``apps.yaml``; the one that takes the release's ref when it is empty.
    :raises NothingToDo: when no environment takes the ref, or there is no container image.
    :raises SlipwayError: when ``slipway.yaml`` or a manifest breaks a rule.
    """
    push, image = release.push, release.images.get("container")
    if image is None:
        raise NothingToDo("the release has no container image")
    name, chosen = _environment(load_apps().get(push.repository), push, environment)
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
        objects = _objects(commit, spec, chosen.namespace, image)
    assert spec.container is not None  # an image was made from it
    kubernetes = spec.container.kubernetes
    workload = Workload(
        push=push,
        application=spec.name,
        environment=name,
        namespace=chosen.namespace,
        image=image,
        objects=finished(objects, spec.name, push, image),
        health=kubernetes.health,
        progress_seconds=kubernetes.progress_seconds,
    )
    log.info("%s goes to %s: namespace %s, %d objects", image.reference, name, chosen.namespace, len(objects))
    return workload


def _environment(application: Application, push: PushEvent, asked: str) -> tuple[str, Environment]:
    if asked:
        if (found := application.environments.get(asked)) is None:
            known = ", ".join(application.environments)
            raise SlipwayError(
                f"apps.yaml has no environment {asked!r} for {push.repository}. It has: {known}."
            )
        return asked, found
    if (taken := application.environment_for(push.ref)) is None:
        raise NothingToDo(f"no environment of {push.repository} in apps.yaml takes {push.ref}")
    return taken


def _objects(commit: Commit, spec: BuildSpec, namespace: str, image: Image) -> list[Json]:
    assert spec.container is not None  # an image was made from it
    if not (paths := spec.container.kubernetes.manifests):
        return from_spec(spec, namespace, image)
    return from_manifests(read_manifests(commit, paths), spec.name, namespace, image.reference)
