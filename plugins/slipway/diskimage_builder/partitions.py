"""A ``kpartx`` that asks the kernel for a loop device's partitions: for machines without device mapper.

It takes the calls that diskimage-builder makes: ``kpartx -avs DEVICE`` (or ``-uvs``), and ``-d DEVICE``.
It runs in the sandbox and imports nothing of Slipway.

https://man7.org/linux/man-pages/man4/loop.4.html, https://man7.org/linux/man-pages/man8/partx.8.html
"""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

MAPPER = Path("/dev/mapper")
LOOP_SET_STATUS64, LOOP_GET_STATUS64 = 0x4C04, 0x4C05
PARTSCAN = 8
_STATUS_BYTES, _FLAGS_AT = 232, 52


def main(arguments: list[str]) -> int:
    """Make the partitions' devices appear, or disappear; returns the exit status."""
    options = "".join(word[1:] for word in arguments if word.startswith("-"))
    devices = [word for word in arguments if not word.startswith("-")]
    if len(devices) != 1 or not devices[0].startswith("/dev/loop") or not set(options) & set("aud"):
        print(f"kpartx: only -a, -u and -d of a loop device are supported, not {arguments}", file=sys.stderr)
        return 2
    device = devices[0]
    if "d" in options:
        return _remove(device)
    _allow_partitions(device)
    done = subprocess.run(["partx", "--update", device], check=False)
    if done.returncode == 0:
        _make_nodes(Path(device).name)
    return done.returncode


def _allow_partitions(device: str) -> None:
    """Have the kernel take the loop device for a disk, as ``losetup --partscan`` does."""
    handle = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    try:
        status = bytearray(_STATUS_BYTES)
        fcntl.ioctl(handle, LOOP_GET_STATUS64, status)
        status[_FLAGS_AT] |= PARTSCAN
        fcntl.ioctl(handle, LOOP_SET_STATUS64, bytes(status))
    finally:
        os.close(handle)


def _make_nodes(name: str) -> None:
    for partition in sorted(Path("/sys/block", name).glob(f"{name}p*")):
        major, minor = map(int, (partition / "dev").read_text().split(":"))
        for node in (Path("/dev", partition.name), MAPPER / partition.name):
            with suppress(FileNotFoundError):
                node.unlink()
            os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(major, minor))


def _remove(device: str) -> int:
    done = subprocess.run(["partx", "--delete", device], check=False)
    for folder in (MAPPER, Path("/dev")):
        for node in folder.glob(f"{Path(device).name}p*"):
            node.unlink()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
