"""The base images that the lab's Docker Hub has, and how their layers are made."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import httpx

from lab import debian
from lab.command import run
from lab.images.layer import Layer, busybox_archive, compress, read_layer
from lab.images.publish import Name, is_published, publish
from lab.server import LabError

BUSYBOX = Name("library/busybox", "1.36")
DEBIAN = Name("library/debian", "bookworm-slim")
PROGRAM = Path("/bin/busybox")
"""Debian's busybox-static: needs no library."""
SLIMMED = (
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
)
PACKAGES = ("busybox-static", "debootstrap", "tar")


def has_base_images(registry: httpx.Client) -> bool:
    """Say whether every base image is in ``registry``."""
    return all(is_published(registry, name) for name in (BUSYBOX, DEBIAN))


def publish_base_images(registry: httpx.Client, cache: Path, log: Path) -> None:
    """Put every base image into ``registry`` that is not there.

    :param cache: folder where made layers are kept.
    :raises LabError: when one cannot be made, or the registry refuses it.
    """
    if not is_published(registry, BUSYBOX):
        publish(registry, BUSYBOX, busybox_layer(cache), ("sh",))
    if not is_published(registry, DEBIAN):
        publish(registry, DEBIAN, debian_layer(cache, log), ("bash",))


def busybox_layer(cache: Path) -> Layer:
    """Return the layer of the machine's busybox with all its applets."""
    if not PROGRAM.exists():
        raise LabError(f"{PROGRAM} is missing; install Debian's package busybox-static")
    target = cache / "busybox.tar.gz"
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        archive = Path(folder, "busybox.tar")
        busybox_archive(PROGRAM, run([str(PROGRAM), "--list"]).split(), archive)
        compress(archive, target)
    return read_layer(target)


def debian_layer(cache: Path, log: Path) -> Layer:
    """Return the layer of a minimal Debian of the machine's archive; made once (about 30 s), then cached."""
    target = cache / f"rootfs-{debian.IMAGES}.tar.gz"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            archive = Path(folder, "rootfs.tar")
            _debootstrap(Path(folder, "root"), archive, log)
            compress(archive, target)
    return read_layer(target)


def _debootstrap(root: Path, archive: Path, log: Path) -> None:
    mirror = debian.archive(debian.IMAGES)
    # /usr merged, no scripts of the machine's own; the archive's own keys are checked by default.
    run(["debootstrap", "--variant=minbase", debian.IMAGES, str(root), mirror], log=log, seconds=900)
    for pattern in SLIMMED:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    keep = ["--sort=name", "--numeric-owner", "--xattrs", "--one-file-system"]
    run(["tar", "-C", str(root), *keep, "-cf", str(archive), "."], log=log, seconds=300)
