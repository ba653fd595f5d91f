"""Runs diskimage-builder inside its sandbox: gives it devices and files, and takes its loops away again.

Started there as a process of its own: ``python inside.py FOLDER PROGRAM ARGUMENT...``; FOLDER is what the
build has for itself. It imports nothing of Slipway, which is not there.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

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
