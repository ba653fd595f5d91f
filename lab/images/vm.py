"""The base image of virtual machines: a small system of Debian's parts that boots in seconds without KVM.

It does what a cloud image does: a serial console, addresses by DHCP or config drive, login by SSH with keys
that a config drive or a NoCloud seed brings, the power button; and it serves ``/srv/www`` on port 80.
"""

from __future__ import annotations

import fcntl
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.command import run
from lab.images.vm_disk import write_disk
from lab.images.vm_kernel import Kernel, fetch_kernel
from lab.images.vm_root import BUSYBOX, GUEST, PROGRAMS, make_initrd, make_root

PACKAGES = (
    "busybox-static",
    "cpio",
    "dropbear-bin",
    "e2fsprogs",
    "mtools",
    "openssh-client",
    "qemu-utils",
    "syslinux",
    "syslinux-common",
)
FORMAT = 1
"""Raised when the image is put together otherwise from the same parts."""


def vm_base(cache: Path, log: Path) -> Path:
    """Return the image, a qcow2 file; made once (about 5 s), then cached.

    :raises LabError: when a part is missing or a tool fails.
    """
    with _alone(cache / "vm.lock"):
        kernel = fetch_kernel(cache, log)
        target = cache / f"vm-{_key(kernel)}.qcow2"
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                made = _make(Path(folder), kernel, log)
                made.rename(target)
        return target


def _make(folder: Path, kernel: Kernel, log: Path) -> Path:
    make_root(folder / "root")
    make_initrd(folder / "initrd", kernel, folder / "modules", log)
    raw, image = folder / "disk", folder / "image"
    write_disk(raw, kernel.image, folder / "initrd", folder / "root", log)
    run(["qemu-img", "convert", "-c", "-O", "qcow2", str(raw), str(image)], log=log, seconds=300)
    return image


def _key(kernel: Kernel) -> str:
    """Return what names an image of these parts."""
    whole = hashlib.sha256(f"{FORMAT} {kernel.package}\n".encode())
    for path in (*sorted(GUEST.iterdir()), BUSYBOX, *PROGRAMS):
        whole.update(path.name.encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:12]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep others from making the same; the lock ends with its process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
