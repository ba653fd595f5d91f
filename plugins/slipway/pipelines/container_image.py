"""The tasks of ``container_image``: plan, base images, build, publish."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.config import load_apps
from slipway.docker.bases import Bases
from slipway.docker.catalogue import find_built, verify_pushed
from slipway.docker.context import Context
from slipway.docker.dockerfile import base_lines, pin
from slipway.docker.engine import BuildOptions, Engine
from slipway.docker.errors import ContextError, DockerfileError
from slipway.docker.hook import get_docker_hub, get_registry
from slipway.docker.inputs import Inputs, arguments, input_tag, labels, repository, served_from
from slipway.flow.document import MAX_BYTES, load
from slipway.flow.image import Built, Image
from slipway.flow.push import PushEvent
from slipway.flow.record import CommitId, Name, Record
from slipway.flow.spec import BuildSpec, Container
from slipway.github.errors import RepositoryError
from slipway.github.hook import GithubHook
from slipway.github.repository import Commit, fetched

log = logging.getLogger(__name__)

SPEC_FILE = "slipway.yaml"
DOCKERFILE_BYTES = 1024**2


class Plan(Record):
    """What a commit wants built, and from which files."""

    push: PushEvent
    tenant: Name
    spec: BuildSpec
    images: tuple[str, ...] = ()
    """Names of the base images, as the Dockerfile spells them."""
    inputs: Inputs | None = None
    """Without the bases; None when there is no container to build."""


class Resolved(Record):
    """The plan with its bases known, and the image if these inputs were built before."""

    plan: Plan
    inputs: Inputs
    image: Image | None


def read_spec(commit: Commit) -> BuildSpec:
    """Return the commit's ``slipway.yaml``.

    :raises SlipwayError: when it is missing or breaks a rule.
    """
    data = commit.read(SPEC_FILE, MAX_BYTES)
    if data is None:
        raise RepositoryError(
            f"{commit.push.repository} has no {SPEC_FILE} at {commit.push.short_commit}. "
            "Commit one at the repository's root; `slipway schema` prints what it may say."
        )
    return load(data, BuildSpec, SPEC_FILE)


def plan(push: PushEvent) -> Plan:
    """Fetch the commit; read its spec, its Dockerfile and the digest of its context."""
    application = load_apps().get(push.repository)
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
        known = Plan(push=push, tenant=application.tenant, spec=spec)
        if spec.container is None:
            log.info("%s declares no container: nothing to build for this platform", SPEC_FILE)
            return known
        dockerfile = _dockerfile(commit, spec.container)
        given = arguments(spec.container, dockerfile, push)
        lines = base_lines(dockerfile, given, spec.container.dockerfile)
        context = _context(commit.check_out(), spec.container)
        inputs = Inputs(
            dockerfile=f"sha256:{hashlib.sha256(dockerfile).hexdigest()}",
            context=context.digest(),
            arguments=given,
            target=spec.container.target,
        )
    log.info(
        "%s at %s: builds upon %s", spec.name, push.short_commit, ", ".join(line.image for line in lines)
    )
    return known.model_copy(
        update={"images": tuple(dict.fromkeys(line.image for line in lines)), "inputs": inputs}
    )


def resolve(known: Plan, inputs: Inputs) -> Resolved:
    """Resolve the base images, and look whether this image exists already."""
    with get_registry().client() as registry, get_docker_hub().client() as hub:
        inputs = inputs.model_copy(update={"bases": Bases(registry, hub).resolve(known.images)})
        place = repository(known.tenant, known.spec.name)
        found = find_built(registry, place, inputs.digest)
    if found is None:
        log.info("inputs %s are new: an image is built", inputs.digest)
        return Resolved(plan=known, inputs=inputs, image=None)
    manifest, commit = found
    log.info("inputs %s were built at %s: %s is used again", inputs.digest, commit[:12], manifest.digest)
    return Resolved(plan=known, inputs=inputs, image=_image(known, inputs, manifest.digest, commit))


def build(resolved: Resolved) -> Image:
    """Build the image, push it, and see that the registry holds what was pushed."""
    known, inputs = resolved.plan, resolved.inputs
    container = known.spec.container or Container()
    registry, remote = get_registry(), GithubHook().get_conn()
    place = repository(known.tenant, known.spec.name)
    tag = f"{registry.host}/{place}:{known.push.commit}"
    with fetched(remote, known.push) as commit, Engine() as engine, registry.client() as client:
        dockerfile = _dockerfile(commit, container)
        context = _context(commit.check_out(), container)
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


def publish(known: Plan, found: Mapping[str, Any] | None, deploy: bool, run_id: str) -> Built:  # noqa: ARG001
    """Record the image in the image registry; returns what the pipeline hands on.

    :param found: the image as JSON, or None when there is nothing for this platform.
    """
    image = None if found is None else Image.from_json(found)
    reused = image is not None and image.commit != known.push.commit
    return Built(push=known.push, platform="container", image=image, reused=reused, deploy=deploy)


def _image(known: Plan, inputs: Inputs, digest: str, commit: CommitId) -> Image:
    place = f"{get_registry().host}/{repository(known.tenant, known.spec.name)}"
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


def _context(checkout: Path, container: Container) -> Context:
    root = (checkout / container.context).resolve()
    if not root.is_relative_to(checkout.resolve()) or not root.is_dir():
        raise ContextError(
            f"container.context {container.context!r} is no folder of the repository. Name one that is."
        )
    return Context(root)
