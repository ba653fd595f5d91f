"""A minimal Debian by diskimage-builder's own elements: built, and booted to its login.

Building takes one to three minutes. The image is kept outside the checkout, and taken again while its
elements, diskimage-builder and Slipway's own code around it are the same.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from lab.debian import image_mirrors
from lab.paths import this_checkout
from slipway.diskimage_builder import elements, settings
from slipway.diskimage_builder.build import TO_BOOT, BuiltFiles, DiskimageBuild
from slipway.diskimage_builder.elements import Elements
from slipway.diskimage_builder.inputs import ElementInputs
from slipway.diskimage_builder.workplace import DiskimageWorkplace
from slipway.flow.image_place import SUFFIXES
from slipway.flow.ironic.bare_metal import BareMetal
from slipway.qemu.accelerator import accelerator
from slipway.qemu.boot import Expected, boot
from slipway.qemu.machine import Kernel, Machine
from slipway.streams.disk_format import check_file

pytestmark = [pytest.mark.lab, pytest.mark.release]

SPEC = BareMetal.model_validate(
    {
        "elements": ("debian-minimal", "greeting"),
        "release": "bookworm",
        "compress": False,
        "environment": {"DIB_DEBOOTSTRAP_CACHE": "1", "DIB_DEBIAN_USE_DEBOOTSTRAP_CACHE": "1"},
    }
)
COMMIT = "89abcdef" * 5


def test_a_minimal_debian_is_built_and_boots_to_its_login(tmp_path: Path) -> None:
    script = tmp_path / "elements/greeting/install.d/90-greeting"
    script.parent.mkdir(parents=True)
    script.write_text('#!/bin/bash\nset -eu\necho "built at $SLIPWAY_COMMIT" > /etc/issue\n')
    script.chmod(0o755)
    found = elements.find(SPEC, tmp_path)
    variables = settings.variables(SPEC, image_mirrors(), COMMIT)
    cache = this_checkout().cache / "dib"
    place, kept = (
        DiskimageWorkplace(cache, "debian-minimal", "tests/debian"),
        cache / "debian" / key(found, variables),
    )
    with place.occupied() as lock:
        if not kept.exists():
            keep(DiskimageBuild(SPEC, "debian", found, place, variables, lock).run(), kept)
        image = kept / "debian.qcow2"
        parts = {part: image.with_suffix(f".{suffix}") for part, suffix in SUFFIXES.items()}
        check_file(image, "qcow2")
        machine = Machine(
            disk=image,
            disk_format="qcow2",
            memory_mib=512,
            accelerator=accelerator(),
            kernel=Kernel(parts["kernel"], parts["ramdisk"], TO_BOOT),
        )
        boot(machine, Expected(["login:", f"built at {COMMIT}"], ssh=False, seconds=400), place.scratch, lock)
    assert not place.folder.exists()


def key(found: Elements, variables: dict[str, str]) -> str:
    """What the image is kept by: the digest of its inputs, and of the code that has it built."""
    inputs = ElementInputs(
        elements=SPEC.all_elements,
        trees=found.digests(),
        variables=settings.deciding(SPEC, variables),
        options={},
        tool=elements.version(),
    )
    code = hashlib.sha256(inputs.digest.encode())
    for path in sorted(Path(elements.__file__).parent.glob("*.py")):
        code.update(path.read_bytes())
    return code.hexdigest()[:40]


def keep(made: BuiltFiles, folder: Path) -> None:
    """Keep what was made, whole or not at all, in the place of what was kept before."""
    shutil.rmtree(folder.parent, ignore_errors=True)
    unfinished = folder.with_suffix(".unfinished")
    unfinished.mkdir(parents=True)
    for path in (made.image, *made.parts.values()):
        shutil.copy(path, unfinished)
    unfinished.rename(folder)
