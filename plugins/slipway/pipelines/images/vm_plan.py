"""The build plan of a commit's virtual machine image: its template, and all other inputs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from slipway.artifactory.hook import ArtifactoryHook
from slipway.config import load_apps
from slipway.flow.image import Image
from slipway.flow.image_place import ImagePlace, PlaceField
from slipway.flow.nova.vm import Vm
from slipway.flow.push import PushEvent
from slipway.flow.record import Record
from slipway.flow.spec import BuildSpec
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.packer.errors import TemplateError
from slipway.packer.inputs import TemplateInputs
from slipway.pipelines.images import packer_build
from slipway.pipelines.images.commit import SPEC_FILE, read_spec
from slipway.pipelines.images.packer_build import TemplateSource

log = logging.getLogger(__name__)

PLATFORM: Final = "vm"


class VmBuildPlan(Record):
    """The build that a commit declares, and its inputs."""

    push: PushEvent
    place: PlaceField
    spec: BuildSpec
    inputs: TemplateInputs | None = None
    """Without the base, and Packer's version; None when there is nothing to build."""

    @property
    def vm(self) -> Vm:
        """What is to be built."""
        assert self.spec.vm is not None
        return self.spec.vm


class ResolvedVm(Record):
    """The plan with its base and tool known, and the image if these inputs were built before."""

    plan: VmBuildPlan
    inputs: TemplateInputs
    image: Image | None
    good: bool = False
    """The image booted in an earlier run, and was handed on."""


def plan(push: PushEvent) -> VmBuildPlan:
    """Fetch the commit; read its spec and its template."""
    application = load_apps().get(push.repository)
    generic = ArtifactoryHook().get_conn().generic
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
        place = ImagePlace(generic, application.tenant, spec.name, PLATFORM)
        known = VmBuildPlan(push=push, place=place, spec=spec)
        if spec.vm is None:
            log.info("%s declares no vm: nothing to build for this platform", SPEC_FILE)
            return known
        source = find_source(spec.vm, commit.check_out())
        inputs = packer_build.inputs_of(spec.vm, spec.vm.boot, source.template, commit)
    return known.model_copy(update={"inputs": inputs})


def find_source(vm: Vm, checkout: Path) -> TemplateSource:
    """Return the template and its context.

    :raises TemplateError: when they are not what the spec says.
    """
    found = packer_build.find_source(vm, PLATFORM, checkout)
    if found.template.in_cloud and vm.base.glance is None:
        raise TemplateError(
            "vm.base: the builder openstack starts from an image in Glance: name that under glance"
        )
    return found
