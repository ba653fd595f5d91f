"""The build plan of a commit's bare-metal image: elements or a template, and all other inputs."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.diskimage_builder import elements, settings
from slipway.diskimage_builder.elements import Elements
from slipway.diskimage_builder.inputs import ElementInputs
from slipway.diskimage_builder.sources import AptSource, ask
from slipway.flow.image import BaseImage, Image
from slipway.flow.image_place import ImagePlace, PlaceField
from slipway.flow.ironic.bare_metal import BareMetal
from slipway.flow.packer import Packer
from slipway.flow.push import PushEvent
from slipway.flow.record import Record
from slipway.flow.spec import BuildSpec
from slipway.github.hook import GithubHook
from slipway.github.repository import Commit, fetched
from slipway.packer import packer
from slipway.packer.errors import TemplateError
from slipway.packer.inputs import TemplateInputs
from slipway.packer.variables import COMMIT
from slipway.pipelines.images import packer_build
from slipway.pipelines.images.commit import SPEC_FILE, read_spec

log = logging.getLogger(__name__)

PLATFORM: Final = "bare_metal"
TEMPLATE = f"{PLATFORM}.packer"
"""Where ``slipway.yaml`` describes a template."""
_OPTIONS = {"kind", "base", "packages", "size_gib", "format", "compress", "boot"}


class BareMetalBuildPlan(Record):
    """The build that a commit declares, and its inputs."""

    push: PushEvent
    place: PlaceField
    spec: BuildSpec
    sources: tuple[AptSource, ...] = ()
    """Package sources of its elements."""
    inputs: ElementInputs | TemplateInputs | None = None
    """Of the builder that is asked for, without the state of what it builds upon; None when there is nothing
    to build."""
    says_commit: bool = False
    """An element of its own, or the template, takes the commit, which the image must say when it boots."""

    @property
    def bare_metal(self) -> BareMetal:
        """What is to be built."""
        assert self.spec.bare_metal is not None
        return self.spec.bare_metal


class ResolvedBareMetal(Record):
    """The plan with what it builds upon known, and the image if these inputs were built before."""

    plan: BareMetalBuildPlan
    inputs: ElementInputs | TemplateInputs
    image: Image | None
    good: bool = False
    """The image booted in an earlier run, and was handed on."""

    @property
    def bases(self) -> tuple[BaseImage, ...]:
        """What the template's image is built upon; elements bring what they build upon themselves."""
        base = self.inputs.base if isinstance(self.inputs, TemplateInputs) else None
        return (base,) if base else ()


@dataclass(frozen=True)
class ElementsSource:
    """The elements in a checkout, and what they may read."""

    elements: Elements
    variables: dict[str, str]


def plan(push: PushEvent) -> BareMetalBuildPlan:
    """Fetch the commit; read its spec, and find what decides the image that it wants."""
    application = load_apps().get(push.repository)
    generic = ArtifactoryHook().get_conn().generic
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
        place = ImagePlace(generic, application.tenant, spec.name, PLATFORM)
        known = BareMetalBuildPlan(push=push, place=place, spec=spec)
        if spec.bare_metal is None:
            log.info("%s declares no bare_metal: nothing to build for this platform", SPEC_FILE)
            return known
        return decide(known, commit)


def decide(known: BareMetalBuildPlan, commit: Commit) -> BareMetalBuildPlan:
    """Return the plan with the inputs of the builder that it asks for.

    :raises ElementError: when the elements are not what the spec says.
    :raises TemplateError: when the template is not.
    """
    wanted = known.bare_metal.packer
    return _by_diskimage_builder(known, commit) if wanted is None else _by_packer(known, wanted, commit)


def find_source(wanted: BareMetal, push: PushEvent, checkout: Path) -> ElementsSource:
    """Return the elements and their environment.

    :raises ElementError: when an element is missing, or they do not go together.
    """
    found = elements.find(wanted, checkout)
    commit = push.commit if found.take_commit() else None
    return ElementsSource(found, settings.variables(wanted, os.environ, commit))


def find_template(wanted: Packer, checkout: Path) -> packer_build.TemplateSource:
    """Return the template and its context.

    :raises TemplateError: when they are not what the spec says, or the image would be made in the cloud.
    """
    found = packer_build.find_source(wanted, TEMPLATE, checkout)
    if found.template.in_cloud:
        raise TemplateError(
            f"{TEMPLATE}.template: {wanted.template} has the builder openstack, which makes a server "
            "snapshot, but bare metal needs an image file. Use a builder that makes one, such as `qemu`."
        )
    return found


def _by_diskimage_builder(known: BareMetalBuildPlan, commit: Commit) -> BareMetalBuildPlan:
    wanted, push, checkout = known.bare_metal, known.push, commit.check_out()
    found = find_source(wanted, push, checkout)
    options = wanted.model_dump(mode="json", include=_OPTIONS)
    inputs = ElementInputs(
        elements=wanted.all_elements,
        trees=found.elements.digests(),
        variables=settings.deciding(wanted, found.variables),
        options={name: str(value) for name, value in options.items()},
        tool=elements.version(),
    )
    sources = ask(found.elements, found.variables, checkout)
    names = ", ".join(sorted(found.elements.folders))
    log.info("%s at %s: builds from the elements %s", known.spec.name, push.short_commit, names)
    says_commit = elements.COMMIT_VARIABLE in found.variables
    return known.model_copy(update={"inputs": inputs, "sources": sources, "says_commit": says_commit})


def _by_packer(known: BareMetalBuildPlan, wanted: Packer, commit: Commit) -> BareMetalBuildPlan:
    found, asked = find_template(wanted, commit.check_out()).template, known.bare_metal
    inputs = packer_build.inputs_of(wanted, asked.boot, found, commit)
    inputs = inputs.model_copy(update={"disk_format": asked.format, "tool": packer.version()})
    return known.model_copy(update={"inputs": inputs, "says_commit": COMMIT in inputs.variables})
