"""libvirt's daemon, beside one that the machine may have.

libvirt run by root keeps its state in fixed folders of the machine. The lab's runs in a mount namespace of
its own, where folders of the lab stand at these places. https://libvirt.org/drvqemu.html
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.openstack.hypervisor.layout import Layout
from lab.process import Process, born, wait_gone
from lab.server import LabError

PACKAGES = (
    "genisoimage",
    "libvirt-clients",
    "libvirt-daemon",
    "libvirt-daemon-driver-qemu",
    "qemu-system-x86",
    "qemu-utils",
    "util-linux",
)
READY_SECONDS = 30
ENTER = """\
while [ "$1" != -- ]; do
    mount --bind "$1" "$2"
    shift 2
done
shift
exec "$@"
"""
"""What runs in the namespace: mounts the folders of each pair of arguments, then runs what comes after --."""

DAEMON: Mapping[str, str] = {
    "unix_sock_group": '"root"',
    "unix_sock_rw_perms": '"0700"',
    "auth_unix_rw": '"none"',
    "log_outputs": '"3:stderr"',
}
QEMU: Mapping[str, str] = {
    "user": '"root"',
    "group": '"root"',
    "security_driver": '"none"',
    # Consoles go to files, without a daemon that keeps the logs.
    "stdio_handler": '"file"',
    "cgroup_controllers": "[]",
    "namespaces": "[]",
    "remember_owner": "0",
}


ACCOUNTS: Mapping[Path, str] = {
    Path("/etc/passwd"): "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n",
    Path("/etc/group"): "libvirt-qemu:x:64055:\n",
}
"""libvirt does not start where Debian's user for it is missing, even if its settings name another."""


@dataclass(frozen=True)
class Libvirtd:
    """The daemon of one lab, and the machines it runs."""

    layout: Layout

    @property
    def process(self) -> Process:
        """``unshare`` that becomes the shell that becomes ``libvirtd``."""
        folder = self.layout.folder
        mounts = {**self.layout.mounts, **{place: folder / place.name for place in ACCOUNTS}}
        pairs = [str(path) for place, mine in mounts.items() for path in (mine, place)]
        daemon = ["libvirtd", f"--config={folder}/etc/libvirtd.conf", f"--pid-file={folder}/libvirtd.pid"]
        enter = ["unshare", "--mount", "--propagation", "slave", "sh", "-e", "-c", ENTER, "enter"]
        return Process(
            name="libvirtd",
            command=[*enter, *pairs, "--", *daemon],
            paths=self.layout.cloud.ground.paths,
            environment=inherited(),
        )

    def start(self) -> None:
        """Start the daemon and wait for its answer.

        :raises LabError: when it does not come up.
        """
        self._make_folders()
        for name, settings in (("libvirtd.conf", DAEMON), ("qemu.conf", QEMU)):
            text = "".join(f"{option} = {value}\n" for option, value in settings.items())
            (self.layout.folder / "etc" / name).write_text(text)
        for place, line in ACCOUNTS.items():
            known = place.read_text()
            missing = "" if "libvirt-qemu:" in known else line
            (self.layout.folder / place.name).write_text(known + missing)
        self.process.start()
        self.process.wait_until(self.answers, READY_SECONDS)

    def stop(self) -> None:
        """End the daemon and every machine, and remove the folders that were made for it.

        :raises LabError: when a machine survives.
        """
        self.process.stop()
        self._kill_machines()
        for place in json.loads(self._made.read_text()) if self._made.exists() else []:
            if Path(place).is_dir() and not any(Path(place).iterdir()):
                Path(place).rmdir()
        shutil.rmtree(self.layout.sockets, ignore_errors=True)

    def answers(self) -> bool:
        """Say whether a client is served."""
        try:
            run(["virsh", "--quiet", "--connect", self.layout.uri, "version"], seconds=10)
        except LabError:
            return False
        return True

    @property
    def _made(self) -> Path:
        return self.layout.folder / "made.json"

    def _make_folders(self) -> None:
        missing = [str(place) for place in self.layout.mounts if not place.exists()]
        if not self._made.exists():
            self._made.write_text(json.dumps(missing))
        for place, mine in self.layout.mounts.items():
            mine.mkdir(parents=True, exist_ok=True)
            place.mkdir(parents=True, exist_ok=True)

    def _kill_machines(self) -> None:
        for pid in self._machines():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not wait_gone(lambda: not list(self._machines()), 10):
            raise LabError(f"virtual machines of the lab do not end: {list(self._machines())}")

    def _machines(self) -> Iterator[int]:
        """Yield qemu's processes whose disks are the lab's: libvirt does not hand on the lab's mark."""
        disks = f"{self.layout.instances}/".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:  # ended meanwhile
                continue
            program = Path(os.fsdecode(command.split(b"\0")[0])).name
            if program.startswith("qemu-system-") and disks in command and born(int(folder.name)):
                yield int(folder.name)
