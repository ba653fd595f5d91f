"""The tasks of ``container_image``: plan, base images, build, publish."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.artifactory.build_info import document
from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.docker.bases import Bases
from slipway.docker.catalogue import find_built, tag_again, verify_pushed
from slipway.docker.context import IGNORE, Context
from slipway.docker.dockerfile import base_lines, pin
from slipway.docker.engine import BuildOptions, Engine
from slipway.docker.errors import ContextError, DigestMismatchError, DockerfileError
from slipway.docker.hook import get_docker_hub, get_registry
from slipway.docker.inputs import ContainerInputs, arguments, input_tag, labels, served_from
from slipway.flow.image import Built, Image, properties
from slipway.flow.image_place import ImagePlace, PlaceField
from slipway.flow.jenkins import FinishedBuild, inputs_of
from slipway.flow.property_keys import RegistryKey
from slipway.flow.push import PushEvent
from slipway.flow.record import CommitId, Record
from slipway.flow.spec import BuildSpec, Container
from slipway.github.hook import GithubHook
from slipway.github.repository import Commit, fetched
from slipway.jenkins.artifacts import bring, check_free, places
from slipway.jenkins.hook import JenkinsHook
from slipway.pipelines.images.commit import SPEC_FILE, read_spec
from slipway.pipelines.images.run import Links, Run
from slipway.pipelines.images.single_flight import ClaimBuild

log = logging.getLogger(__name__)

DOCKERFILE_BYTES = 1024**2


class ContainerBuildPlan(Record):
    """The build that a commit declares, and its files."""

    push: PushEvent
    place: PlaceField
    spec: BuildSpec
    images: tuple[str, ...] = ()
    """Names of the base images, as the Dockerfile spells them."""
    inputs: ContainerInputs | None = None
    """Without the bases; None when there is no container to build."""


class ResolvedContainer(Record):
    """The plan with its bases known, and the image if these inputs were built before."""

    plan: ContainerBuildPlan
    inputs: ContainerInputs
    image: Image | None


def plan(push: PushEvent) -> ContainerBuildPlan:
    """Fetch the commit; read its spec, its Dockerfile and the digest of its context."""
    with fetched(GithubHook().get_conn(), push) as commit:
        return plan_of(commit, read_spec(commit))


def plan_of(commit: Commit, spec: BuildSpec) -> ContainerBuildPlan:
    """Read a fetched commit's Dockerfile and the digest of its context."""
    push = commit.push
    application = load_apps().get(push.repository)
    key = ArtifactoryHook().get_conn().docker
    place = ImagePlace(key, application.tenant, spec.name, "container")
    known = ContainerBuildPlan(push=push, place=place, spec=spec)
    if spec.container is None:
        log.info("%s declares no container: nothing to build for this platform", SPEC_FILE)
        return known
    dockerfile = _dockerfile(commit, spec.container)
    given = arguments(spec.container, dockerfile, push)
    lines = base_lines(dockerfile, given, spec.container.dockerfile)
    context = _context(commit.check_out(), spec.container)
    if jenkins := spec.build.jenkins:
        application.check_jenkins_job(jenkins.job, push.repository)
        check_free(context.root, jenkins)  # whether there is room for what it builds
    inputs = ContainerInputs(
        dockerfile=f"sha256:{hashlib.sha256(dockerfile).hexdigest()}",
        context=context.digest(),
        arguments=given,
        target=spec.container.target,
        jenkins=inputs_of(jenkins, push) if jenkins else None,
    )
    log.info("%s at %s: based on %s", spec.name, push.short_commit, ", ".join(line.image for line in lines))
    return known.model_copy(
        update={"images": tuple(dict.fromkeys(line.image for line in lines)), "inputs": inputs}
    )


def resolve(
    known: ContainerBuildPlan, inputs: ContainerInputs, claim: ClaimBuild | None = None
) -> ResolvedContainer:
    """Resolve the base images, and check whether this image exists already.

    :param claim: claims it when it does not exist; :func:`build` looks once more.
    """
    mirror = ArtifactoryHook().get_conn().docker_remote
    with get_registry().client() as registry, get_docker_hub().client() as hub:
        inputs = inputs.model_copy(
            update={"bases": Bases(registry, hub, mirror=mirror, place=known.place).resolve(known.images)}
        )
        found = find_built(registry, str(known.place), inputs.digest)
    if found is None:
        if claim is not None:
            claim(known.place, inputs.digest)
        log.info("inputs %s are new: building an image", inputs.digest)
        return ResolvedContainer(plan=known, inputs=inputs, image=None)
    manifest, commit = found
    log.info("inputs %s were built at %s: reusing %s", inputs.digest, commit[:12], manifest.digest)
    return ResolvedContainer(plan=known, inputs=inputs, image=_image(known, inputs, manifest.digest, commit))


def build(resolved: ResolvedContainer, jenkins: FinishedBuild | None = None) -> Image:
    """Build the image, push it, and see that the registry holds what was pushed.

    :param jenkins: the build whose artifacts go into the build context.
    """
    known, inputs = resolved.plan, resolved.inputs
    container = known.spec.container or Container()
    registry, remote = get_registry(), GithubHook().get_conn()
    place = str(known.place)
    tag = f"{registry.host}/{place}:{known.push.commit}"
    with registry.client() as client:
        if (found := find_built(client, place, inputs.digest)) is not None:
            log.info("built meanwhile: %s", found[0].digest)
            return _image(known, inputs, found[0].digest, found[1])
    with fetched(remote, known.push) as commit, Engine() as engine, registry.client() as client:
        dockerfile = _dockerfile(commit, container)
        context = _context(commit.check_out(), container)
        if jenkins is not None:
            _take(jenkins, known.spec, context)
        for base in inputs.bases:
            engine.ensure_image(base.reference, registry)
        lines = base_lines(dockerfile, inputs.arguments, container.dockerfile)
        options = BuildOptions(
            tag=tag,
            arguments=inputs.arguments,
            labels=labels(
                known.push,
                remote.address(known.push.repository),
                known.spec.name,
                commit.committed_at,
                inputs.digest,
                jenkins,
            ),
            target=container.target,
        )
        engine.build(context, pin(dockerfile, lines, served_from(inputs.bases)), options)
        try:
            pushed = engine.push(tag, registry)
        finally:
            engine.forget(tag)
        manifest = verify_pushed(client, place, known.push.commit, pushed)
        # From here on the image is found by its inputs; a crash before this line builds again.
        client.put_manifest(place, input_tag(inputs.digest), manifest)
    return _image(known, inputs, manifest.digest, known.push.commit)


def publish(
    known: ContainerBuildPlan, found: Mapping[str, Any] | None, deploy: bool, run: Run
) -> tuple[Built, Links]:
    """Record the image in the image registry; returns what the pipeline hands on, and where it is shown.

    :param found: the image as JSON, or None when there is nothing for this platform.
    """
    push = known.push
    image = None if found is None else Image.from_json(found)
    source = GithubHook().get_conn().page(push.repository)
    links = Links(
        commit=f"{source}/commit/{push.commit}",
        image=_record(known, image, run, source) if image is not None else "",
    )
    reused = image is not None and image.commit != push.commit
    return Built(push=push, platform="container", image=image, reused=reused, deploy=deploy), links


def _record(known: ContainerBuildPlan, image: Image, run: Run, source: str) -> str:
    """Tag the image with its commit, write beside it what is known of it, and return its page."""
    catalogue, push = ArtifactoryHook().get_conn(), known.push
    with get_registry().client() as client:
        tag_again(client, str(known.place), image.digest, push.commit)
    path = catalogue.manifest_path(image, push.commit)
    checksums = catalogue.checksums(path)
    if f"sha256:{checksums.sha256}" != image.digest:
        raise DigestMismatchError(
            f"Artifactory holds sha256:{checksums.sha256} as {path}, and the build pushed {image.digest}. "
            "The connections slipway_registry and slipway_artifactory must name the same Artifactory."
        )
    catalogue.annotate(path, properties(image, push) | {RegistryKey.RUN: run.id})
    catalogue.publish_build(document(push, image, checksums, run.started, run.url, source))
    log.info("recorded in Artifactory: %s", catalogue.page(path))
    return catalogue.page(path)


def _image(known: ContainerBuildPlan, inputs: ContainerInputs, digest: str, commit: CommitId) -> Image:
    place = f"{get_registry().host}/{known.place}"
    return Image(
        platform="container",
        application=known.spec.name,
        repository=known.push.repository,
        commit=commit,
        digest=digest,
        input_digest=inputs.digest,
        reference=f"{place}@{digest}",
        bases=inputs.bases,
    )


def _dockerfile(commit: Commit, container: Container) -> bytes:
    content = commit.read(container.dockerfile, DOCKERFILE_BYTES)
    if content is None:
        raise DockerfileError(
            f"{container.dockerfile} is not in the commit. Commit it, or name another in {SPEC_FILE} "
            "under container.dockerfile."
        )
    return content


def _take(build: FinishedBuild, spec: BuildSpec, context: Context) -> None:
    wanted = spec.build.jenkins
    assert wanted is not None  # or nothing would have been built
    bring(JenkinsHook().get_conn(), build, wanted, context.root)
    sent = set(context.paths())
    for path, place in places(wanted).items():
        if place not in sent:
            raise ContextError(
                f"{IGNORE} excludes artifact {path} of Jenkins from the build context. Allow it there, or "
                "place it elsewhere with build.jenkins.into."
            )


def _context(checkout: Path, container: Container) -> Context:
    root = (checkout / container.context).resolve()
    if not root.is_relative_to(checkout.resolve()) or not root.is_dir():
        raise ContextError(
            f"container.context {container.context!r} is not a folder of the repository. Correct it."
        )
    return Context(root)
