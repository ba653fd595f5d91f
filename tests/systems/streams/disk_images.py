"""Disk images that are as small as they can be, good and bad."""

from __future__ import annotations

import struct

CLUSTER = 65536
INCOMPATIBLE_DATA_FILE = 1 << 2


def qcow2(*, backing: bytes = b"", features: int = 0, version: int = 3, size: int = 1 << 20) -> bytes:
    """An image without clusters: https://www.qemu.org/docs/master/interop/qcow2.html."""
    header = struct.pack(
        ">4sIQIIQIIQQIIQQQQII",
        *(b"QFI\xfb", version),
        *((0x200, len(backing)) if backing else (0, 0)),
        *(16, size, 0, 1, 3 * CLUSTER, CLUSTER, 1, 0, 0),
        *(features, 0, 0, 4, 104),
    )
    return (header.ljust(0x200, b"\0") + backing).ljust(4 * CLUSTER, b"\0")


def boot_sector(kind: int = 0x83) -> bytes:
    """A disk with one partition."""
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", kind, b"\0\0\0", 1, 100)
    return (b"\0" * 446 + entry).ljust(510, b"\0") + b"\x55\xaa" + b"\0" * CLUSTER
