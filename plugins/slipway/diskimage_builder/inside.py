"""Runs diskimage-builder inside its sandbox: gives it devices and files, and takes its loops away again.

Started there as a process of its own: ``python inside.py FOLDER PROGRAM ARGUMENT...``; FOLDER is what the
build has for itself. It imports nothing of Slipway, which is not there.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_MOVE, MNT_DETACH = 1, 8192, 2
"""https://man7.org/linux/man-pages/man2/mount.2.html"""
SANDBOX = "bwrap"
LOOPS = 256
LOOP_MAJOR, LOOP_CONTROL = 7, (10, 237)
"""https://www.kernel.org/doc/Documentation/admin-guide/devices.txt"""
FILES = {
    "passwd": "root:x:0:0:root:/tmp:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "sudoers": "Defaults !requiretty\nroot ALL=(ALL:ALL) NOPASSWD: ALL\n",
    "pam.d/sudo": "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n"
    "session sufficient pam_permit.so\n",
}
"""Of ``/etc``: elements and diskimage-builder itself call ``sudo``, as root too."""
FOLDERS = ("/etc/apt/apt.conf.d", "/etc/apt/preferences.d")
"""For elements that use the worker's apt with a configuration of their own."""
DEVICE_MAPPER = Path("/sys/class/misc/device-mapper")


def main(arguments: list[str]) -> int:
    """Run the program; returns its exit status."""
    folder, command = Path(arguments[0]), arguments[1:]
    if Path("/proc/1/comm").read_text().strip() != SANDBOX:
        print("inside.py: outside of its sandbox this would remove the machine's own mounts", file=sys.stderr)
        return 1
    _seal()
    _make_devices()
    _make_files()
    if not DEVICE_MAPPER.exists():
        _use_kernel_partitions(folder)
    # Ctrl-C ends the build, and what it left mounted or attached is still taken away.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    program = subprocess.Popen(command, preexec_fn=_take_interrupts)
    try:
        return program.wait()
    finally:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # all that there is in here, but this process
        _unmount(folder)
        _detach(folder)


def _take_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _seal() -> None:
    """Put an overlay that has nothing to write to in the place of each mount that is to be read.

    Root could remount a read-only mount to write to the worker's files; these mounts are gone afterwards.
    """
    sealed: list[str] = []
    for number, path in enumerate(_read_only()):
        if any(path.startswith(f"{other}/") for other in sealed):
            continue  # went with the one around it, which shows the same
        sealed.append(path)
        if not os.path.isdir(path):
            content = Path(path).read_bytes()
            _call("umount2", path.encode(), MNT_DETACH)
            Path(path).write_bytes(content)
            continue
        place = f"/run/sealed/{number}"
        os.makedirs(f"{place}/view")
        os.makedirs(f"{place}/empty")
        view, lower = f"{place}/view".encode(), f"lowerdir={place}/empty:{path}".encode()
        _call("mount", b"overlay", view, b"overlay", MS_RDONLY, lower)
        # By the kernel's own calls: the programs for it are in one of these places.
        _call("umount2", path.encode(), MNT_DETACH)
        _call("mount", view, path.encode(), None, MS_MOVE, None)


def _read_only() -> list[str]:
    """Return where the worker's files are to be read, a folder before what is in it."""
    found = set()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        place, options = words[4], words[5].split(",")
        if "ro" in options and not place.startswith(("/proc", "/sys", "/dev")):
            found.add(place)
    return sorted(found)


def _call(name: str, *arguments: bytes | int | None) -> None:
    if getattr(LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", str(arguments))


def _make_devices() -> None:
    subprocess.run(["mount", "-o", "remount,dev", "/dev"], check=True)
    os.mknod("/dev/loop-control", stat.S_IFCHR | 0o600, os.makedev(*LOOP_CONTROL))
    for number in range(LOOPS):
        os.mknod(f"/dev/loop{number}", stat.S_IFBLK | 0o600, os.makedev(LOOP_MAJOR, number))
    os.mkdir("/dev/mapper")
    if DEVICE_MAPPER.exists():
        major, minor = map(int, (DEVICE_MAPPER / "dev").read_text().split(":"))
        os.mknod("/dev/mapper/control", stat.S_IFCHR | 0o600, os.makedev(major, minor))


def _make_files() -> None:
    for name in FOLDERS:
        os.makedirs(name)
    for name, content in FILES.items():
        path = Path("/etc", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o440 if name == "sudoers" else 0o444)


def _use_kernel_partitions(folder: Path) -> None:
    """Put a ``kpartx`` before the machine's own, which cannot work without the device mapper."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    program = tools / "kpartx"
    source = Path(__file__).with_name("partitions.py")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {source} "$@"\n')
    program.chmod(0o755)
    os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"


def _unmount(folder: Path) -> None:
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in sorted((place for place in mounted if place.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", place], check=False, stderr=subprocess.DEVNULL)


def _detach(folder: Path) -> None:
    for device in _attached(folder):
        subprocess.run(["losetup", "--detach", device], check=False)


def _attached(folder: Path) -> Iterator[str]:
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            if path.read_text().startswith(f"{folder}/"):
                yield f"/dev/{path.parents[1].name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
