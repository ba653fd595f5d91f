"""Loop devices that a build left attached: found by the files behind them.

https://man7.org/linux/man-pages/man4/loop.4.html
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

LOOP_CLR_FD, LOOP_GET_STATUS64 = 0x4C01, 0x4C05
_STATUS_BYTES = 232


def detach(folder: Path) -> list[str]:
    """Detach every loop device whose file is below ``folder``; returns their names.

    What still mounts one keeps it until it is unmounted.
    """
    detached = []
    for device in attached(folder):
        log.info("detaching %s, left attached by a build", device)
        with suppress(OSError):
            handle = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(handle, LOOP_CLR_FD)
            finally:
                os.close(handle)
            detached.append(device)
    return detached


def attached(folder: Path) -> Iterator[str]:
    """Yield the loop devices (``/dev/loop3``) whose file is, or was, below ``folder``.

    A sandbox has names of its own: the files themselves are compared, too.
    """
    files = {_identity(path) for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    for backing in sorted(Path("/sys/block").glob("loop*/loop/backing_file")):
        device = f"/dev/{backing.parents[1].name}"
        with suppress(OSError):
            if backing.read_text().startswith(f"{folder}/") or _behind(device) in files:
                yield device


def _identity(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_dev, about.st_ino


def _behind(device: str) -> tuple[int, int]:
    handle = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = fcntl.ioctl(handle, LOOP_GET_STATUS64, bytes(_STATUS_BYTES))
    finally:
        os.close(handle)
    number, inode = struct.unpack_from("=QQ", status)
    return number, inode
