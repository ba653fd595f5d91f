"""A minimal Debian by diskimage-builder's own elements: built, and booted to its login.

It takes one to three minutes. What debootstrap unpacked is kept outside the checkout; packages are not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.debian import image_mirrors
from lab.paths import this_checkout
from slipway.diskimage_builder import elements, settings
from slipway.diskimage_builder.build import TO_BOOT, Build
from slipway.diskimage_builder.workplace import Workplace
from slipway.flow.bare_metal import BareMetal
from slipway.qemu.accelerator import accelerator
from slipway.qemu.boot import Expected, boot
from slipway.qemu.machine import Kernel, Machine
from slipway.streams.disk_format import check_file

pytestmark = pytest.mark.lab

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
    place = Workplace(this_checkout().cache / "dib", "debian-minimal", "tests/debian")
    with place.occupied() as lock:
        made = Build(SPEC, "debian", found, place, variables, lock).run()
        check_file(made.image, "qcow2")
        machine = Machine(
            disk=made.image,
            disk_format="qcow2",
            memory_mib=512,
            accelerator=accelerator(),
            kernel=Kernel(made.parts["kernel"], made.parts["ramdisk"], TO_BOOT),
        )
        boot(machine, Expected(["login:", f"built at {COMMIT}"], ssh=False, seconds=400), place.scratch, lock)
    assert not place.folder.exists()
