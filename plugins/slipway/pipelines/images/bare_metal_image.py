"""The tasks of ``bare_metal_image`` beside the build: its base, and the boot test."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from slipway.diskimage_builder import package_indexes
from slipway.diskimage_builder.build import TO_BOOT
from slipway.diskimage_builder.inputs import ElementInputs, build_name
from slipway.diskimage_builder.settings import ARCHITECTURE
from slipway.diskimage_builder.workplace import DiskimageWorkplace, workplace
from slipway.flow.image import BaseImage, Image
from slipway.flow.ironic.bare_metal import BareMetal
from slipway.packer.inputs import TemplateInputs
from slipway.pipelines.images import stores
from slipway.pipelines.images.bare_metal_plan import BareMetalBuildPlan, ResolvedBareMetal
from slipway.pipelines.images.base_images import fetch_base
from slipway.pipelines.images.file_images import find_or_claim, mark
from slipway.pipelines.images.packer_build import boots_by_uefi, with_base
from slipway.pipelines.images.single_flight import ClaimBuild
from slipway.pipelines.images.stores import Stores
from slipway.qemu.accelerator import accelerator
from slipway.qemu.boot import Expected, boot
from slipway.qemu.errors import BootError
from slipway.qemu.machine import Kernel, Machine

log = logging.getLogger(__name__)


def resolve(
    known: BareMetalBuildPlan, inputs: ElementInputs | TemplateInputs, claim: ClaimBuild
) -> ResolvedBareMetal:
    """Resolve what the image is based on, and check whether it exists already; if not, claim it."""
    wanted = known.bare_metal
    with stores.connected() as both:
        if isinstance(inputs, TemplateInputs):
            assert wanted.packer is not None  # the inputs are of its template
            inputs = with_base(both, wanted.packer, inputs)
        else:
            inputs = _with_sources(known, inputs)
        image, good = find_or_claim(both, known.place, inputs.digest, wanted.properties, claim)
    return ResolvedBareMetal(plan=known, inputs=inputs, image=image, good=good)


def _with_sources(known: BareMetalBuildPlan, inputs: ElementInputs) -> ElementInputs:
    """Return the inputs with the state that the package sources are in."""
    wanted = known.bare_metal
    states = package_indexes.states(known.sources, wanted.index_urls, ARCHITECTURE)
    for name, digest in states.items():
        log.info("package source %s: %s", name, digest)
    if not states:
        log.warning(
            "the elements name no apt source, and index_urls is empty: changed packages of the distribution "
            "do not cause a new image. Name their index in bare_metal.index_urls."
        )
    return inputs.model_copy(update={"sources": states})


def boot_test(known: BareMetalBuildPlan, image: Image, run: str) -> None:
    """Boot the image; one that fails stays hidden, and is marked.

    :raises BootError: with the last lines of its console, and where the image is.
    """
    place = workplace(build_name(known.spec.name, f"{run} boot"), known.place.owner)
    wanted = known.bare_metal.boot
    with place.occupied() as lock, stores.connected() as both:
        files = {
            name: _on_worker(both, place, digest, reference)
            for name, digest, reference in (
                ("disk", image.digest, image.reference),
                *((name, part.digest, part.reference) for name, part in image.parts.items()),
            )
        }
        commit = [known.push.commit] if known.says_commit else []
        expected = Expected(says=[wanted.says, *commit], ssh=wanted.ssh, seconds=wanted.within_seconds)
        try:
            boot(_machine(known, files), expected, place.scratch, lock)
        except BootError as error:
            mark(both, image, "failed")
            raise BootError(
                f"{error}\nThe image is kept for inspection, hidden, and goes no further: {image.reference} "
                f"in Artifactory, {image.glance} in Glance. Boot it yourself, correct its sources, and push "
                "again."
            ) from None
        mark(both, image, "passed")
        for file in files.values():
            (place.images / file.name).unlink(missing_ok=True)


def _on_worker(both: Stores, place: DiskimageWorkplace, digest: str, reference: str) -> Path:
    """Bring a file of the image to the worker, unless it was built here; returns a link of this run's own.

    Images may share a kernel, and another run takes it away when it has done with it.
    """
    kept = BaseImage(name=reference, digest=digest, reference=reference, served_by="artifactory")
    while True:
        with suppress(FileNotFoundError):
            path = fetch_base(both, kept, place.images).path
            own = place.folder / path.name
            own.hardlink_to(path)
            return own


def _machine(known: BareMetalBuildPlan, files: dict[str, Path]) -> Machine:
    wanted = known.bare_metal
    kernel = None
    if wanted.kind == "partition":
        kernel = Kernel(files["kernel"], files["ramdisk"], append=TO_BOOT)
    return Machine(
        disk=files["disk"],
        disk_format=wanted.format,
        memory_mib=wanted.boot.memory_mib,
        accelerator=accelerator(),
        kernel=kernel,
        uefi=_boots_by_uefi(wanted),
    )


def _boots_by_uefi(wanted: BareMetal) -> bool:
    if wanted.packer is not None:  # a template does not say how its disk is partitioned
        return boots_by_uefi(wanted.properties)
    return any(name.startswith("block-device-efi") for name in wanted.elements)
