"""``disk-image-create``, run apart from the worker.

https://docs.openstack.org/diskimage-builder/latest/user_guide/building_an_image.html
"""

from __future__ import annotations

import logging
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from slipway.diskimage_builder import inside
from slipway.diskimage_builder.elements import Elements
from slipway.diskimage_builder.errors import DiskimageBuildError
from slipway.diskimage_builder.output import DiskimageTranscript
from slipway.diskimage_builder.settings import ARCHITECTURE, of_tool
from slipway.diskimage_builder.workplace import DiskimageWorkplace
from slipway.flow.image_place import SUFFIXES
from slipway.flow.ironic.bare_metal import BareMetal
from slipway.sandbox.errors import ProgramTimeoutError
from slipway.sandbox.program import Program
from slipway.sandbox.root import RootSandbox

log = logging.getLogger(__name__)

ROOT_LABEL = "img-rootfs"
"""Of the root file system, by which it is found at boot; short enough for XFS."""
TO_BOOT = f"root=LABEL={ROOT_LABEL} rw quiet systemd.mask=systemd-networkd-wait-online.service"
"""Kernel arguments for the boot test of a partition image; it has no network that is worth waiting for."""
GRACE_SECONDS = 30.0
TOOLS = {
    "sudo": "sudo",
    "qemu-img": "qemu-utils",
    "losetup": "mount",
    "kpartx": "kpartx",
    "sgdisk": "gdisk",
    "mkfs.vfat": "dosfstools",
    "mksquashfs": "squashfs-tools",
    "debootstrap": "debootstrap",
}
"""Programs that builds need, and Debian's package of each."""


@dataclass(frozen=True)
class BuiltFiles:
    """The result of a build."""

    image: Path
    parts: Mapping[Literal["kernel", "ramdisk"], Path] = field(default_factory=dict)


@dataclass(frozen=True)
class DiskimageBuild:
    """One build.

    :param name: of the files that it makes.
    :param place: occupied by its caller.
    :param variables: what elements may read.
    :param lock: descriptor that stays open until nothing of the build is left.
    """

    spec: BareMetal
    name: str
    elements: Elements
    place: DiskimageWorkplace
    variables: Mapping[str, str] = field(repr=False)
    lock: int | None = None

    def run(self) -> BuiltFiles:
        """Have diskimage-builder build, telling each step and line as it comes; returns what it made.

        :raises DiskimageBuildError: when it fails, or lacks a program.
        :raises SandboxError: when this worker cannot run it apart.
        """
        check_tools()
        transcript = DiskimageTranscript(self.elements.having)
        with self._program() as program:
            try:
                for text in program.lines():
                    for is_step, line in transcript.read(text):
                        log.info("%s %s", f"[{program.elapsed:6.1f} s]" if is_step else " " * 10, line)
            except ProgramTimeoutError as error:
                raise DiskimageBuildError(
                    f"{error}, in {transcript.where}. Raise bare_metal.build_seconds, or find out why it "
                    "hangs."
                ) from None
            if (status := program.wait()) != 0:
                raise DiskimageBuildError(transcript.failure(status))
        return self._made()

    def _program(self) -> Program:
        own = self.elements.own
        readable = [
            Path(sys.prefix),
            Path(sys.base_prefix),
            Path(inside.__file__).parent,
            *([own] if own else []),
        ]
        sandbox = RootSandbox(
            folder=self.place.output,
            readable=[path for path in dict.fromkeys(readable) if not path.is_relative_to("/usr")],
            writable=[self.place.work, self.place.cache],
            environment={**self.variables, **of_tool(self.place, own)},
        )
        start = [sys.executable, "-IS", str(Path(inside.__file__)), str(self.place.work)]
        command = [*start, program(), *options(self.spec, self.name), *self.spec.all_elements]
        held = [] if self.lock is None else [self.lock]
        return Program(command, sandbox, self.spec.build_seconds, GRACE_SECONDS, holds=held)

    def _made(self) -> BuiltFiles:
        image = self.place.output / f"{self.name}.{self.spec.format}"
        parts: dict[Literal["kernel", "ramdisk"], Path] = {}
        if self.spec.kind == "partition":
            parts = {part: image.with_suffix(f".{suffix}") for part, suffix in SUFFIXES.items()}
        for path in (image, *parts.values()):
            # An element may write here, too: what is a link leads wherever it wants to.
            if path.is_symlink() or not path.is_file():
                raise DiskimageBuildError(f"diskimage-builder made no {path.name}. See its log.")
        return BuiltFiles(image, parts)


def options(spec: BareMetal, name: str) -> list[str]:
    """Return the options of ``disk-image-create``."""
    return [
        *("-a", ARCHITECTURE, "-o", name, "-t", spec.format),
        *([] if spec.compress else ["-u"]),
        *([] if spec.base else ["-n"]),
        *(["-p", ",".join(spec.packages)] if spec.packages else []),
        *(["--image-size", f"{spec.size_gib:g}"] if spec.size_gib else []),
        *("--root-label", ROOT_LABEL),
    ]


def program() -> str:
    """Return where ``disk-image-create`` is.

    :raises DiskimageBuildError: when it is not installed beside Slipway.
    """
    path = Path(sysconfig.get_path("scripts"), "disk-image-create")
    if not path.exists():
        raise DiskimageBuildError(
            "diskimage-builder is not installed on this worker. Install it beside Slipway (pip install "
            "diskimage-builder), or route builds to a worker that has it: queue `dib`."
        )
    return str(path)


def check_tools() -> None:
    """Check that the programs are there which diskimage-builder runs.

    :raises DiskimageBuildError: when one is not.
    """
    search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if missing := {name: package for name, package in TOOLS.items() if not shutil.which(name, path=search)}:
        raise DiskimageBuildError(
            f"this worker lacks {', '.join(missing)}, which diskimage-builder runs. Install Debian's "
            f"{' '.join(sorted(set(missing.values())))}, or route builds to a worker that has them: queue "
            "`dib`."
        )
