"""A machine that is started to see whether an image boots: its command line. Pure but for free ports.

https://www.qemu.org/docs/master/system/invocation.html
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from slipway.qemu.accelerator import Accelerator
from slipway.qemu.errors import QemuError

HOST = "127.0.0.1"
SSH = 22
UEFI = (
    Path("/usr/share/ovmf/OVMF.fd"),
    Path("/usr/share/OVMF/OVMF.fd"),
    Path("/usr/share/edk2/ovmf/OVMF.fd"),
)


@dataclass(frozen=True)
class Kernel:
    """What a partition image is started with: it has no boot loader of its own."""

    image: Path
    ramdisk: Path | None = None
    append: str = ""
    """Further words of the kernel's command line; the console is said already."""


@dataclass(frozen=True)
class Machine:
    """A machine with one disk, whose writes are thrown away.

    :param disk_format: ``qcow2`` or ``raw``; it is never guessed from bytes that an application made.
    """

    disk: Path
    disk_format: str
    memory_mib: int
    accelerator: Accelerator
    kernel: Kernel | None = None
    uefi: bool = False

    @property
    def files(self) -> list[Path]:
        """What it reads."""
        kernel = [self.kernel.image, self.kernel.ramdisk] if self.kernel else []
        return [self.disk, *(path for path in kernel if path is not None)]

    def command(self, program: str, ssh_port: int) -> list[str]:
        """Return the command line; the serial console is its standard output.

        :param ssh_port: of the worker, where the machine's port 22 is to answer.
        :raises QemuError: when the worker lacks UEFI's firmware.
        """
        processor = "host" if self.accelerator == "kvm" else "max"
        forward = f"hostfwd=tcp:{HOST}:{ssh_port}-:{SSH}"
        return [
            program,
            *("-nodefaults", "-no-user-config", "-no-reboot"),
            *("-display", "none", "-monitor", "none", "-serial", "stdio"),
            *("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"),
            *("-accel", self.accelerator, "-cpu", processor),
            *("-m", str(self.memory_mib)),
            *("-drive", f"file={_escaped(self.disk)},format={self.disk_format},if=virtio,snapshot=on"),
            # Nothing that the image does at its start reaches anybody.
            *(
                "-netdev",
                f"user,id=net,restrict=on,{forward}",
                "-device",
                "virtio-net-pci,netdev=net,romfile=",
            ),
            *("-device", "virtio-rng-pci"),
            *self._firmware(),
            *self._kernel(),
        ]

    def _firmware(self) -> list[str]:
        if not self.uefi:
            return []
        if (found := next((path for path in UEFI if path.exists()), None)) is None:
            raise QemuError(
                "the image boots by UEFI, but this worker has no firmware for it. Install package ovmf."
            )
        return ["-bios", str(found)]

    def _kernel(self) -> list[str]:
        if self.kernel is None:
            return []
        ramdisk = ["-initrd", str(self.kernel.ramdisk)] if self.kernel.ramdisk else []
        words = f"console=ttyS0,115200 panic=1 {self.kernel.append}".strip()
        return ["-kernel", str(self.kernel.image), *ramdisk, "-append", words]


def free_port() -> int:
    """Return a free port of the worker."""
    with socket.socket() as tried:
        tried.bind((HOST, 0))
        return int(tried.getsockname()[1])


def _escaped(path: Path) -> str:
    return str(path).replace(",", ",,")
