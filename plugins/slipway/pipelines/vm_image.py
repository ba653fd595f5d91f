"""The tasks of ``vm_image`` beside the build: what it is built upon, the boot test, and handing it on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slipway.flow.image import BaseImage, Built, Image, properties
from slipway.flow.vm import Boot
from slipway.github.hook import GithubHook
from slipway.openstack.glance.glance import NewImage
from slipway.packer import packer
from slipway.packer.inputs import Inputs, build_name
from slipway.packer.variables import COMMIT
from slipway.packer.workplace import workplace
from slipway.pipelines import stores
from slipway.pipelines.bases import fetch_base, find_base
from slipway.pipelines.bringing import bring_to_glance
from slipway.pipelines.copying import Kept, hand_on
from slipway.pipelines.records import commit_record, find_built, is_handed_on
from slipway.pipelines.run import Links, Run
from slipway.pipelines.stores import Stores
from slipway.pipelines.vm_plan import PLATFORM, Plan, Resolved
from slipway.qemu.accelerator import accelerator
from slipway.qemu.boot import Expected, boot
from slipway.qemu.errors import BootError
from slipway.qemu.machine import Machine

log = logging.getLogger(__name__)

TRIED = "slipway.boot"
"""Property in Artifactory (in Glance ``slipway_boot``): what the boot test found."""


def resolve(known: Plan, inputs: Inputs) -> Resolved:
    """Find out which bytes the base is, and whether this image exists already."""
    with stores.connected() as both:
        base = find_base(both, known.vm.base)
        inputs = inputs.model_copy(update={"base": base, "tool": packer.version()})
        log.info("base %s is %s", base.name, base.digest)
        image = _built(both, known, inputs)
        good = image is not None and is_handed_on(both.files, image)
        if image is not None and good:
            image = image.model_copy(update={"glance": _in_glance(both, known, image)})
    if image is None:
        log.info("inputs %s are new: an image is built", inputs.digest)
    else:
        log.info("inputs %s were built at %s: %s", inputs.digest, image.commit[:12], image.digest)
    return Resolved(plan=known, inputs=inputs, image=image, good=good)


def boot_test(known: Plan, image: Image, run: str) -> None:
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
            uefi=known.vm.properties.get("hw_firmware_type") == "uefi",
        )
        try:
            boot(machine, expected(known, wanted), place.scratch, lock)
        except BootError as error:
            _mark(both, image, "failed")
            raise BootError(
                f"{error}\nThe image is kept for inspection, hidden, and goes no further: {image.reference} "
                f"in Artifactory, {image.glance} in Glance. See why, correct the template, push again."
            ) from None
        _mark(both, image, "passed")
        disk.path.unlink(missing_ok=True)


def expected(known: Plan, wanted: Boot) -> Expected:
    """Return what the image must do: what the spec says, and tell its commit when the template knows it."""
    commit = [known.push.commit] if known.inputs and COMMIT in known.inputs.variables else []
    return Expected(says=[wanted.says, *commit], ssh=wanted.ssh, seconds=wanted.within_seconds)


def publish(known: Plan, image: Image | None, deploy: bool, run: Run) -> tuple[Built, Links]:
    """Hand the image on; returns what the pipeline says of it, and where it is shown."""
    push = known.push
    source = GithubHook().get_conn().page(push.repository)
    links = Links(commit=f"{source}/commit/{push.commit}", image="")
    if image is not None:
        with stores.connected() as both:
            _hand_on(both, known, image, run)
            links = links.model_copy(update={"image": both.files.url(image.reference)})
        log.info("%s: in Artifactory as %s, in Glance as %s", image.digest, image.reference, image.glance)
    reused = image is not None and image.commit != push.commit
    return Built(push=push, platform=PLATFORM, image=image, reused=reused, deploy=deploy), links


def _hand_on(both: Stores, known: Plan, image: Image, run: Run) -> None:
    file = both.files.get(image.reference)
    kept = Kept(image.reference, image.digest, file.size, image.glance)
    told = properties(image, known.push) | {"slipway.run": run.id, "slipway.glance": str(image.glance)}
    hand_on(both, kept, told)
    both.files.put_json(commit_record(known.place, known.push.commit), image.to_json())


def _built(both: Stores, known: Plan, inputs: Inputs) -> Image | None:
    """Return the image that was built from these inputs, unless it was found bad."""
    image = find_built(both.files, known.place, inputs.digest)
    if image is not None and both.files.properties(image.reference).get(TRIED) == "failed":
        log.info("%s did not boot: it is built anew", image.reference)
        return None
    return image


def _in_glance(both: Stores, known: Plan, image: Image) -> Any:
    """Return the id of an image that was handed on before; Glance may have lost it since."""
    found = both.glance.find(image.glance) if image.glance else None
    if found is not None and found.status == "active":
        return image.glance
    log.warning("image %s is not in Glance any more: it is brought back from Artifactory", image.glance)
    about: Mapping[str, str] = {**known.vm.properties, "slipway_application": image.application}
    new = NewImage(f"{image.application}-{image.commit[:12]}", "qcow2", hidden=False, properties=about)
    return bring_to_glance(both, image.reference, image.digest, new)


def _mark(both: Stores, image: Image, result: str) -> None:
    both.files.annotate(image.reference, {TRIED: result})
    if image.glance is not None:
        both.glance.annotate(image.glance, {"slipway_boot": result})
