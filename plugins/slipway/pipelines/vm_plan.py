"""What a commit's virtual machine is built from: its template, and everything else that decides the image."""

from __future__ import annotations

import json
import logging
import posixpath
from dataclasses import dataclass
from pathlib import Path

from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.flow.image import Image
from slipway.flow.push import PushEvent
from slipway.flow.record import Record
from slipway.flow.spec import BuildSpec
from slipway.flow.vm import Vm
from slipway.github.hook import GithubHook
from slipway.github.repository import Commit, fetched
from slipway.packer import template, variables
from slipway.packer.errors import TemplateError
from slipway.packer.inputs import Inputs
from slipway.packer.template import Template
from slipway.pipelines.commit import SPEC_FILE, read_spec

log = logging.getLogger(__name__)

PLATFORM = "vm"


class Plan(Record):
    """What a commit wants built, and from what."""

    push: PushEvent
    place: str
    """Folder of the application's images in the image registry: ``KEY/TENANT/APPLICATION/vm``."""
    spec: BuildSpec
    inputs: Inputs | None = None
    """Without the base, and Packer's version; None when there is nothing to build."""

    @property
    def vm(self) -> Vm:
        """What is to be built."""
        assert self.spec.vm is not None
        return self.spec.vm


class Resolved(Record):
    """The plan with its base and tool known, and the image if these inputs were built before."""

    plan: Plan
    inputs: Inputs
    image: Image | None
    good: bool = False
    """The image was booted before, and handed on."""


@dataclass(frozen=True)
class Source:
    """The template and the folder that its build sees, in a checkout."""

    template: Template
    context: Path


def plan(push: PushEvent) -> Plan:
    """Fetch the commit; read its spec and its template."""
    application = load_apps().get(push.repository)
    generic = ArtifactoryHook().get_conn().generic
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
        known = Plan(push=push, place=f"{generic}/{application.tenant}/{spec.name}/{PLATFORM}", spec=spec)
        if spec.vm is None:
            log.info("%s declares no vm: nothing to build for this platform", SPEC_FILE)
            return known
        source = find_source(spec.vm, commit.check_out())
        inputs = _inputs(spec.vm, source.template, commit)
    log.info(
        "%s at %s: %s, by the builder %s, upon %s",
        *(spec.name, push.short_commit, spec.vm.template, ", ".join(sorted(source.template.builders))),
        spec.vm.base.artifactory or spec.vm.base.glance,
    )
    return known.model_copy(update={"inputs": inputs})


def find_source(vm: Vm, checkout: Path) -> Source:
    """Return the template and its context; nothing on the way to them is a link.

    :raises TemplateError: when they are not what the spec says.
    """
    context = _inside(checkout, vm.folder, "vm.context")
    if not context.is_dir():
        raise TemplateError(f"vm.context: {vm.folder} is no folder of the commit. Name one that is.")
    path = _inside(checkout, vm.template, "vm.template")
    found = template.read(path, vm.template)
    found.check(vm.variables, variables.NAMES)
    if found.in_cloud and vm.base.glance is None:
        raise TemplateError(
            "vm.base: the builder openstack makes its server from an image of Glance: name it under glance"
        )
    return Source(found, context)


def _inputs(vm: Vm, found: Template, commit: Commit) -> Inputs:
    lasting = variables.lasting(commit.push)
    return Inputs(
        template=posixpath.relpath(vm.template, vm.folder),
        context=commit.find_tree(vm.folder) or "",
        variables=found.values(lasting, vm.variables),
        boot=json.dumps(vm.boot.to_json(), sort_keys=True),
        tool="",
    )


def _inside(checkout: Path, path: str, field: str) -> Path:
    found = checkout.resolve() / posixpath.normpath(path)
    if found.exists() and found.resolve() != found:
        raise TemplateError(f"{field}: {path} is, or is behind, a link. Name where it leads to.")
    return found
