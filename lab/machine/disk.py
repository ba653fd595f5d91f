"""The machine's disk: Debian by debootstrap, with systemd and the kernel for clouds; made once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab import debian
from lab.command import run
from lab.environment import inherited
from lab.server import LabError

FORMAT = 1
"""Raised when the disk is put together otherwise from the same parts."""
PACKAGES = (
    *("systemd-sysv", "udev", "dbus", "libpam-systemd", "kmod", "initramfs-tools", "linux-image-cloud-amd64"),
    *("openssh-server", "ca-certificates", "iproute2", "procps", "python3", "python3-venv", "make", "git"),
)
"""What an installation of Debian has, and what Slipway's README asks for: Python, make and git."""
SIZE = "40G"
"""Of a sparse file: unwritten parts take no room."""
TOOLS = ("debootstrap", "e2fsprogs", "openssh-client", "qemu-system-x86", "qemu-utils")
FILES = {
    "etc/hostname": "fresh\n",
    "etc/hosts": "127.0.0.1 localhost fresh\n",
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n/dev/vdb {carried} ext4 defaults,nofail 0 2\n",
    # What qemu's user network has: https://www.qemu.org/docs/master/system/devices/net.html
    "etc/resolv.conf": "nameserver 10.0.2.3\n",
    "etc/systemd/network/eth0.network": (
        "[Match]\nName=eth0\n\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nDNS=10.0.2.3\n"
    ),
    "etc/ssh/sshd_config.d/lab.conf": "PermitRootLogin prohibit-password\nUseDNS no\nMaxSessions 20\n",
}
CARRIED = Path("/carried")
"""Where the machine has what it is given at each start."""


@dataclass(frozen=True)
class Disk:
    """A cached disk, and what goes with it."""

    folder: Path

    @property
    def image(self) -> Path:
        """A raw file, never written: a machine has a layer of its own above it."""
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        """What boots."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """What it starts with."""
        return self.folder / "initrd.img"

    @property
    def key(self) -> Path:
        """Root's private SSH key."""
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        """The machine's SSH key, under the name ``fresh``."""
        return self.folder / "known_hosts"


def disk_of(release: str, cache: Path, log: Path) -> Disk:
    """Return the disk of ``release`` (``bookworm``, ``trixie``); made once (about 2 min), then cached.

    :raises LabError: when a tool fails.
    """
    inputs = json.dumps([FORMAT, release, PACKAGES, SIZE, FILES, str(CARRIED)])
    disk = Disk(cache / f"machine-{release}-{hashlib.sha256(inputs.encode()).hexdigest()[:12]}")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"machine-{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not disk.folder.exists():
            with tempfile.TemporaryDirectory(prefix=f".machine-{release}-", dir=cache) as work:
                made = Disk(Path(work, "disk"))
                made.folder.mkdir()
                _make(release, Path(work, "root"), made, log)
                made.folder.rename(disk.folder)
    return disk


def _make(release: str, root: Path, disk: Disk, log: Path) -> None:
    mirror, packages = debian.archive(release), ",".join(PACKAGES)
    # No service is started in the folder, whatever this machine would allow.
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", release, str(root), mirror]
    run(command, log=log, environment=inherited(DEBIAN_FRONTEND="noninteractive"), seconds=1200)
    _configure(root, disk, log)
    _take(root, "vmlinuz-*", disk.kernel)
    _take(root, "initrd.img-*", disk.initrd)
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
    run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(disk.image), SIZE], log=log, seconds=600)


def _configure(root: Path, disk: Disk, log: Path) -> None:
    for name, text in FILES.items():
        path = root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(carried=CARRIED))
    (root / CARRIED.relative_to("/")).mkdir()
    run(["chroot", str(root), "systemctl", "enable", "systemd-networkd", "ssh"], log=log)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(disk.key)], log=log)
    keys = root / "root/.ssh"
    keys.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(disk.key.with_suffix(".pub"), keys / "authorized_keys")
    public = (root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
    disk.known_hosts.write_text(f"fresh {public[0]} {public[1]}\n")


def _take(root: Path, pattern: str, target: Path) -> None:
    found = sorted((root / "boot").glob(pattern))
    if not found:
        raise LabError(
            f"the fresh Debian has no /boot/{pattern}: the package of its kernel was not configured"
        )
    shutil.copy(found[-1], target)
    os.chmod(target, 0o644)
