"""A bootable disk, written without mounting anything: a FAT partition that boots, an ext4 one for the system.

https://wiki.syslinux.org/wiki/index.php?title=Install
"""

from __future__ import annotations

import struct
from pathlib import Path

from lab.command import run
from lab.images.vm_root import GUEST

MIB = 1024**2
SECTOR = 512
BOOT_AT, BOOT_SIZE = 1 * MIB, 31 * MIB
ROOT_AT, ROOT_SIZE = 32 * MIB, 256 * MIB
MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")
FAT16, LINUX = 0x0E, 0x83
ACTIVE = 0x80
_NO_GEOMETRY = b"\xfe\xff\xff"
"""What partition tables say where cylinders and heads mean nothing."""


def write_disk(disk: Path, kernel: Path, initrd: Path, root: Path, log: Path) -> None:
    """Write a disk to the file ``disk``: it starts ``kernel`` with ``initrd``, on a copy of ``root``."""
    with disk.open("wb") as file:
        file.truncate(ROOT_AT + ROOT_SIZE + MIB)
        file.write(MBR.read_bytes())
        file.seek(446)
        file.write(_partition(ACTIVE, FAT16, BOOT_AT, BOOT_SIZE) + _partition(0, LINUX, ROOT_AT, ROOT_SIZE))
        file.seek(510)
        file.write(b"\x55\xaa")
    _boot_partition(disk, kernel, initrd, log)
    _root_partition(disk, root, log)


def _partition(flag: int, kind: int, start: int, size: int) -> bytes:
    """Return an entry of the partition table."""
    place = struct.pack("<II", start // SECTOR, size // SECTOR)
    return bytes([flag]) + _NO_GEOMETRY + bytes([kind]) + _NO_GEOMETRY + place


def _boot_partition(disk: Path, kernel: Path, initrd: Path, log: Path) -> None:
    inside = f"{disk}@@{BOOT_AT}"
    geometry = ["-h", "16", "-s", "63", "-T", str(BOOT_SIZE // SECTOR), "-H", str(BOOT_AT // SECTOR)]
    run(["mformat", "-i", inside, "-v", "BOOT", *geometry, "::"], log=log)
    for path, name in ((kernel, "vmlinuz"), (initrd, "initrd"), (GUEST / "syslinux.cfg", "syslinux.cfg")):
        run(["mcopy", "-i", inside, str(path), f"::{name}"], log=log)
    run(["syslinux", "--install", "--offset", str(BOOT_AT), str(disk)], log=log)


def _root_partition(disk: Path, root: Path, log: Path) -> None:
    options = ["-F", "-q", "-L", "slipway-root", "-m", "0", "-d", str(root)]
    place = ["-E", f"offset={ROOT_AT}", str(disk), f"{ROOT_SIZE // 1024}k"]
    run(["mke2fs", "-t", "ext4", *options, *place], log=log)
