"""How fast machines run on this worker: with the processor's help, or emulated.

https://www.qemu.org/docs/master/system/introduction.html#virtualisation-accelerators
"""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Literal

from slipway.qemu.errors import QemuError

Accelerator = Literal["kvm", "tcg"]
CHOICE = "SLIPWAY_ACCELERATOR"
"""Environment variable: ``kvm`` or ``tcg``, where what is found by itself is not right."""
KVM = Path("/dev/kvm")
_HELP = re.compile(r"^flags\s*:.*\b(vmx|svm)\b", re.MULTILINE)


def accelerator() -> Accelerator:
    """Return what machines on this worker run with.

    :raises QemuError: when the environment asks for something else.
    """
    asked = os.environ.get(CHOICE, "")
    if asked and asked not in ("kvm", "tcg"):
        raise QemuError(f"{CHOICE} is {asked!r}: set it to kvm or tcg, or leave it out.")
    if asked == "kvm" or (not asked and _has_kvm()):
        return "kvm"
    return "tcg"


def devices(chosen: Accelerator) -> list[Path]:
    """Return the devices that it takes."""
    return [KVM] if chosen == "kvm" else []


def _has_kvm() -> bool:
    if not os.access(KVM, os.R_OK | os.W_OK):
        return False
    # A device alone is no proof: virtual machines show one that starts machines which then stand still.
    return platform.machine() != "x86_64" or bool(_HELP.search(Path("/proc/cpuinfo").read_text()))
