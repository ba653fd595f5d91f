"""The common part of pipelines that build by Packer: the template, its inputs, the file that it makes."""

from __future__ import annotations

import json
import logging
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from slipway.flow.image import BaseImage
from slipway.flow.machine_image import Boot
from slipway.flow.packer import Packer
from slipway.flow.push import PushEvent
from slipway.github.repository import Commit
from slipway.packer import packer, template, variables
from slipway.packer.errors import TemplateError
from slipway.packer.inputs import TemplateInputs
from slipway.packer.packer import PackerBuild
from slipway.packer.result import find_image
from slipway.packer.seed import write_seed
from slipway.packer.template import Template
from slipway.packer.workplace import PackerWorkplace
from slipway.pipelines.images.base_images import fetch_base, find_base, path_in
from slipway.pipelines.images.stores import Stores
from slipway.qemu.accelerator import accelerator, devices

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TemplateSource:
    """The template and the folder that its build sees, in a checkout."""

    template: Template
    context: Path


@dataclass(frozen=True)
class PackerOrder:
    """The build of Packer.

    :param application: its name.
    :param base: what is built upon, as it was found.
    :param seconds: how long Packer may take.
    :param run: id of the run that builds.
    """

    push: PushEvent
    application: str
    wanted: Packer
    base: BaseImage
    seconds: float
    run: str


def find_source(wanted: Packer, field: str, checkout: Path) -> TemplateSource:
    """Return the template and its context; nothing on the way to them is a link.

    :param field: of ``slipway.yaml`` that says what is wanted.
    :raises TemplateError: when they are not what the spec says.
    """
    context = _inside(checkout, wanted.folder, f"{field}.context")
    if not context.is_dir():
        raise TemplateError(f"{field}.context: {wanted.folder} is not a folder of the commit. Correct it.")
    path = _inside(checkout, wanted.template, f"{field}.template")
    found = template.read(path, wanted.template, field)
    found.check(wanted.variables, variables.NAMES)
    return TemplateSource(found, context)


def inputs_of(wanted: Packer, boot: Boot, found: Template, commit: Commit) -> TemplateInputs:
    """Return what decides the image, as far as the commit says it: without base and tool."""
    lasting, base = variables.lasting(commit.push), wanted.base
    log.info(
        "%s at %s: builder %s, based on %s",
        *(wanted.template, commit.push.short_commit, ", ".join(sorted(found.builders))),
        base.artifactory or base.glance,
    )
    return TemplateInputs(
        template=posixpath.relpath(wanted.template, wanted.folder),
        context=commit.find_tree(wanted.folder) or "",
        variables=found.values(lasting, wanted.variables),
        boot=json.dumps(boot.to_json(), sort_keys=True),
        tool="",
    )


def with_base(both: Stores, wanted: Packer, inputs: TemplateInputs) -> TemplateInputs:
    """Return the inputs with the bytes that the base is now."""
    base = find_base(both, wanted.base)
    log.info("base %s is %s", base.name, base.digest)
    return inputs.model_copy(update={"base": base})


def prepared(order: PackerOrder, source: TemplateSource, place: PackerWorkplace, lock: int) -> PackerBuild:
    """Return the build with its login and its variables.

    :param place: occupied by the caller.
    :param lock: of ``place``.
    """
    chosen, found, base = accelerator(), source.template, order.base
    write_seed(place.seed, place.key, order.application)
    upon = base.reference if found.in_cloud else str(path_in(place.bases, base.digest))
    own = {
        **variables.lasting(order.push),
        **variables.passing(place, order.application, order.run),
        **variables.upon(upon, base.digest, chosen),
    }
    values = found.values(own, order.wanted.variables)
    return PackerBuild(found.path, source.context, place, lock, values, devices=devices(chosen))


def make_file(both: Stores, order: PackerOrder, made: PackerBuild) -> Path:
    """Have Packer make an image on the worker; returns where it left it."""
    place = made.place
    packer.validate(made)
    base = fetch_base(both, order.base, place.bases, order.wanted.base.digest)
    packer.run(replace(made, readable=[base.path]), order.seconds)
    return find_image(place.output, place.name)


def boots_by_uefi(properties: Mapping[str, str]) -> bool:
    """Say whether an image is tried with UEFI's firmware.

    :param properties: in Glance, as ``slipway.yaml`` has them.
    """
    return properties.get("hw_firmware_type") == "uefi"


def _inside(checkout: Path, path: str, field: str) -> Path:
    found = checkout.resolve() / posixpath.normpath(path)
    if found.exists() and found.resolve() != found:
        raise TemplateError(f"{field}: {path} is, or is behind, a link. Name where it leads to.")
    return found
