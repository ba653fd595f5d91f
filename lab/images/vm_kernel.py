"""Debian's kernel for clouds, unpacked beside the machine's own: nothing of it is installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.images.unpack import unpack
from lab.server import LabError

NEWEST = "linux-image-cloud-amd64"
"""Depends on the package of the newest one."""
WANTED = (
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_scsi",
    "virtio-rng",
    "sd_mod",
    "sr_mod",
    "ata_piix",
    "isofs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "button",
    "evdev",
)
"""Modules that a machine of the lab loads: its disk, its network, config drives, the power button."""
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


@dataclass(frozen=True)
class Kernel:
    """An unpacked package."""

    package: str
    folder: Path

    @property
    def image(self) -> Path:
        """What boots."""
        return next(self.folder.glob("boot/vmlinuz-*"))

    def modules(self, wanted: Iterable[str] = WANTED) -> list[Path]:
        """Return the wanted modules after those that each needs.

        :raises LabError: when the kernel has no such module.
        """
        known = {_plain(path.stem): path for path in self.folder.glob("lib/modules/*/kernel/**/*.ko")}
        order: list[Path] = []
        for name in wanted:
            _add(_plain(name), known, order)
        return order


def fetch_kernel(cache: Path, log: Path) -> Kernel:
    """Return the newest kernel of the machine's archive; downloaded and unpacked once.

    :raises LabError: when apt has none.
    """
    shown = run(["apt-cache", "depends", NEWEST], log=log)
    found = re.search(r"Depends: (linux-image-\d\S+)", shown)
    if found is None:
        raise LabError(f"apt knows no package {NEWEST}; run apt-get update")
    return Kernel(found[1], unpack(found[1], cache, log))


def _add(name: str, known: dict[str, Path], order: list[Path]) -> None:
    if name not in known:
        raise LabError(f"the lab's kernel has no module {name}")
    if known[name] in order:
        return
    for need in _needs(known[name]):
        _add(need, known, order)
    order.append(known[name])


def _needs(module: Path) -> Iterator[str]:
    found = _DEPENDS.search(module.read_bytes())
    yield from (_plain(name) for name in (found[1].decode() if found else "").split(",") if name)


def _plain(name: str) -> str:
    return name.replace("-", "_")
