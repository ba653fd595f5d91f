"""What a commit's bare-metal image is built from: its elements, and everything else that decides it."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.diskimage_builder import elements, settings
from slipway.diskimage_builder.elements import Elements
from slipway.diskimage_builder.inputs import Inputs
from slipway.diskimage_builder.sources import AptSource, ask
from slipway.flow.bare_metal import BareMetal
from slipway.flow.image import Image
from slipway.flow.push import PushEvent
from slipway.flow.record import Record
from slipway.flow.spec import BuildSpec
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.pipelines.commit import SPEC_FILE, read_spec

log = logging.getLogger(__name__)

PLATFORM = "bare_metal"
_OPTIONS = {"kind", "base", "packages", "size_gib", "format", "compress", "boot"}


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
    says_commit: bool = False
    """An element of its own takes the commit, which the image must say when it boots."""

    @property
    def bare_metal(self) -> BareMetal:
        """What is to be built."""
        assert self.spec.bare_metal is not None
        return self.spec.bare_metal

    @property
    def owner(self) -> str:
        """``TENANT/APPLICATION``."""
        return "/".join(self.place.split("/")[1:3])


class Resolved(Record):
    """The plan with the state of its sources, and the image if these inputs were built before."""

    plan: Plan
    inputs: Inputs
    image: Image | None
    good: bool = False
    """The image was booted before, and handed on."""


@dataclass(frozen=True)
class Source:
    """The elements in a checkout, and what they may read."""

    elements: Elements
    variables: dict[str, str]


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
        found = find_source(wanted, push, checkout)
        inputs = _inputs(wanted, found)
        sources = ask(found.elements, found.variables, checkout)
    names = ", ".join(sorted(found.elements.folders))
    log.info("%s at %s: builds from the elements %s", spec.name, push.short_commit, names)
    says_commit = elements.COMMIT_VARIABLE in found.variables
    return known.model_copy(update={"inputs": inputs, "sources": sources, "says_commit": says_commit})


def find_source(wanted: BareMetal, push: PushEvent, checkout: Path) -> Source:
    """Return the elements and their environment.

    :raises ElementError: when an element is missing, or they do not go together.
    """
    found = elements.find(wanted, checkout)
    commit = push.commit if found.take_commit() else None
    return Source(found, settings.variables(wanted, os.environ, commit))


def _inputs(wanted: BareMetal, found: Source) -> Inputs:
    options = wanted.model_dump(mode="json", include=_OPTIONS)
    return Inputs(
        elements=wanted.all_elements,
        trees=found.elements.digests(),
        variables=settings.deciding(wanted, found.variables),
        options={name: str(value) for name, value in options.items()},
        tool=elements.version(),
    )
