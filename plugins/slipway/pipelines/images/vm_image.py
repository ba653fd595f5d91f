"""The tasks of ``vm_image`` before and after the build: its base, and the boot test."""

from __future__ import annotations

from slipway.flow.image import BaseImage, Image
from slipway.flow.machine_image import Boot
from slipway.packer import packer
from slipway.packer.inputs import TemplateInputs, build_name
from slipway.packer.variables import COMMIT
from slipway.packer.workplace import workplace
from slipway.pipelines.images import file_images, stores
from slipway.pipelines.images.base_images import fetch_base
from slipway.pipelines.images.packer_build import boots_by_uefi, with_base
from slipway.pipelines.images.single_flight import ClaimBuild
from slipway.pipelines.images.vm_plan import ResolvedVm, VmBuildPlan
from slipway.qemu.accelerator import accelerator
from slipway.qemu.boot import Expected, boot
from slipway.qemu.errors import BootError
from slipway.qemu.machine import Machine


def resolve(known: VmBuildPlan, inputs: TemplateInputs, claim: ClaimBuild) -> ResolvedVm:
    """Resolve the base, and check whether this image exists already; if not, claim it."""
    inputs = inputs.model_copy(update={"tool": packer.version()})
    with stores.connected() as both:
        inputs = with_base(both, known.vm, inputs)
        image, good = file_images.find_or_claim(both, known.place, inputs.digest, known.vm.properties, claim)
    return ResolvedVm(plan=known, inputs=inputs, image=image, good=good)


def boot_test(known: VmBuildPlan, image: Image, run: str) -> None:
    """Boot the image; one that fails stays hidden, and is marked.

    :raises BootError: with the last lines of its console, and where the image is.
    """
    place = workplace(build_name(known.spec.name, f"{run} boot"))
    with place.occupied() as lock, stores.connected() as both:
        kept = BaseImage(
            name=image.reference, digest=image.digest, reference=image.reference, served_by="artifactory"
        )
        disk = fetch_base(both, kept, place.images)
        chosen, wanted = accelerator(), known.vm.boot
        machine = Machine(
            disk=disk.path,
            disk_format=disk.disk_format,
            memory_mib=wanted.memory_mib,
            accelerator=chosen,
            uefi=boots_by_uefi(known.vm.properties),
        )
        try:
            boot(machine, expected(known, wanted), place.scratch, lock)
        except BootError as error:
            disk.path.unlink(missing_ok=True)
            file_images.mark(both, image, "failed")
            raise BootError(
                f"{error}\nThe image is kept for inspection, hidden, and goes no further: {image.reference} "
                f"in Artifactory, {image.glance} in Glance. Find the reason, correct the template, and push "
                "again."
            ) from None
        file_images.mark(both, image, "passed")
        disk.path.unlink(missing_ok=True)


def expected(known: VmBuildPlan, wanted: Boot) -> Expected:
    """Return what the image must do: what the spec says, and tell its commit when the template knows it."""
    commit = [known.push.commit] if known.inputs and COMMIT in known.inputs.variables else []
    return Expected(says=[wanted.says, *commit], ssh=wanted.ssh, seconds=wanted.within_seconds)
