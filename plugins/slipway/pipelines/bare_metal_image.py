"""The tasks of ``bare_metal_image``: plan, package sources, build, boot test, publish."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.diskimage_builder import elements, release, settings
from slipway.diskimage_builder.build import Build, Files
from slipway.diskimage_builder.elements import Elements
from slipway.diskimage_builder.inputs import Inputs, build_name, image_path, part_path
from slipway.diskimage_builder.sources import AptSource, ask
from slipway.diskimage_builder.workplace import Workplace, workplace
from slipway.flow.bare_metal import BareMetal
from slipway.flow.image import Image, Part
from slipway.flow.push import PushEvent
from slipway.flow.record import Record
from slipway.flow.spec import BuildSpec
from slipway.github.hook import GithubHook
from slipway.github.repository import Commit, fetched
from slipway.openstack.glance.glance import NewImage
from slipway.pipelines import stores
from slipway.pipelines.commit import SPEC_FILE, read_spec
from slipway.pipelines.copying import keep_file
from slipway.pipelines.records import find_built, inputs_record, is_handed_on
from slipway.pipelines.stores import Stores

log = logging.getLogger(__name__)

PLATFORM = "bare_metal"
FORMATS = {"kernel": "aki", "ramdisk": "ari"}
"""Glance's formats of the parts of an image."""


class Plan(Record):
    """What a commit wants built, and from what."""

    push: PushEvent
    place: str
    """Folder of the application's images in the image registry: ``KEY/TENANT/APPLICATION/bare_metal``."""
    spec: BuildSpec
    sources: tuple[AptSource, ...] = ()
    """Package sources of its elements."""
    inputs: Inputs | None = None
    """Without the sources' state; None when there is nothing to build."""

    @property
    def bare_metal(self) -> BareMetal:
        """What is to be built."""
        assert self.spec.bare_metal is not None
        return self.spec.bare_metal

    @property
    def owner(self) -> str:
        """``TENANT/APPLICATION``."""
        return self.place.split("/", 1)[1].removesuffix(f"/{PLATFORM}")


class Resolved(Record):
    """The plan with the state of its sources, and the image if these inputs were built before."""

    plan: Plan
    inputs: Inputs
    image: Image | None
    handed_on: bool = False
    """The image was found good before."""


def plan(push: PushEvent) -> Plan:
    """Fetch the commit; read its spec, find its elements and what they install from."""
    application = load_apps().get(push.repository)
    generic = ArtifactoryHook().get_conn().generic
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
        known = Plan(push=push, place=f"{generic}/{application.tenant}/{spec.name}/{PLATFORM}", spec=spec)
        wanted = spec.bare_metal
        if wanted is None:
            log.info("%s declares no bare_metal: nothing to build for this platform", SPEC_FILE)
            return known
        checkout = commit.check_out()
        found = elements.find(wanted, checkout)
        variables = _variables(wanted, found, push)
        inputs = _inputs(wanted, found, variables)
        sources = ask(found, variables, checkout)
    log.info("%s at %s: builds from %s", spec.name, push.short_commit, ", ".join(sorted(found.folders)))
    return known.model_copy(update={"inputs": inputs, "sources": sources})


def resolve(known: Plan, inputs: Inputs) -> Resolved:
    """Look at the state of the package sources, and whether this image exists already."""
    wanted = known.bare_metal
    states = release.states(known.sources, wanted.index_urls, wanted.architecture)
    for name, digest in states.items():
        log.info("package source %s: %s", name, digest)
    if not states:
        log.warning(
            "the elements name no apt source, and index_urls is empty: a change of the distribution's "
            "packages makes no new image. Name an index of theirs in bare_metal.index_urls."
        )
    inputs = inputs.model_copy(update={"sources": states})
    with stores.connected() as both:
        image = find_built(both.files, known.place, inputs.digest)
        handed_on = image is not None and is_handed_on(both.files, image)
    if image is None:
        log.info("inputs %s are new: an image is built", inputs.digest)
    else:
        log.info("inputs %s were built at %s: %s", inputs.digest, image.commit[:12], image.digest)
    return Resolved(plan=known, inputs=inputs, image=image, handed_on=handed_on)


def build(resolved: Resolved, run: str) -> Image:
    """Build the image and keep it in Glance and Artifactory, hidden as yet."""
    known = resolved.plan
    place = workplace(build_name(known.spec.name, run), known.owner)
    with fetched(GithubHook().get_conn(), known.push) as commit:
        made = _run(known, commit, place)
    with stores.connected() as both:
        image = _keep(both, resolved, made, run)
        # From here on the image is found by its inputs; a crash before this line builds again.
        both.files.put_json(inputs_record(known.place, resolved.inputs.digest), image.to_json())
    place.remove()
    return image


def _run(known: Plan, commit: Commit, place: Workplace) -> Files:
    wanted = known.bare_metal
    found = elements.find(wanted, commit.check_out())
    variables = _variables(wanted, found, known.push)
    return Build(wanted, known.spec.name, found, place, variables).run()


def _variables(wanted: BareMetal, found: Elements, push: PushEvent) -> dict[str, str]:
    return settings.variables(wanted, os.environ, push.commit if found.take_commit() else None)


def _inputs(wanted: BareMetal, found: Elements, variables: Mapping[str, str]) -> Inputs:
    options = wanted.model_dump(
        mode="json", include={"kind", "architecture", "base", "packages", "size_gib", "format", "compress"}
    )
    return Inputs(
        elements=wanted.all_elements,
        trees=found.digests(),
        variables=settings.deciding(wanted, variables),
        options={name: str(value) for name, value in options.items()},
        tool=elements.version(),
    )


def _keep(both: Stores, resolved: Resolved, made: Files, run: str) -> Image:
    known, digest = resolved.plan, resolved.inputs.digest
    wanted, name = known.bare_metal, known.spec.name
    path = image_path(known.place, digest, name, wanted.format)
    own = _properties(known, digest, run)
    parts = _keep_parts(both, path, made, name, own)
    ids = {f"{part}_id": str(kept.glance) for part, kept in parts.items()}
    new = NewImage(name, wanted.format, properties={**wanted.properties, **own, **ids})
    kept = keep_file(both, made.image, path, new)
    return Image(
        platform=PLATFORM,
        application=name,
        repository=known.push.repository,
        commit=known.push.commit,
        digest=kept.digest,
        input_digest=digest,
        reference=kept.reference,
        glance=kept.glance,
        parts=parts,
    )


def _keep_parts(both: Stores, path: str, made: Files, name: str, own: Mapping[str, str]) -> dict[Any, Part]:
    """Keep kernel and ramdisk, which the image's properties name."""
    files: dict[Any, Path | None] = {"kernel": made.kernel, "ramdisk": made.ramdisk}
    parts = {}
    for part, file in files.items():
        if file is not None:
            form = FORMATS[part]
            new = NewImage(f"{name}-{part}", form, form, properties=own)
            kept = keep_file(both, file, part_path(path, part), new)
            parts[part] = Part(digest=kept.digest, reference=kept.reference, glance=kept.glance)
    return parts


def _properties(known: Plan, digest: str, run: str) -> dict[str, str]:
    """Return what Glance says of the image and its parts."""
    return {
        "slipway_run": run,
        "slipway_application": known.spec.name,
        "slipway_repository": known.push.repository,
        "slipway_commit": known.push.commit,
        "slipway_input_digest": digest,
    }
