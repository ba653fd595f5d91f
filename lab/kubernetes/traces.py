"""What a node leaves on the machine outside of its folders, and its removal."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.command import run
from lab.environment import MARK
from lab.server import LabError

SYSCTLS = (
    "vm/overcommit_memory",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
)
"""Kernel settings that the kubelet, kube-proxy and the pods' bridge change."""
POD_LOGS = (Path("/var/log/containers"), Path("/var/log/pods"))
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
KUBELETS = {"kubelet", "k3s", "k3s-server", "k0s", "microk8s"}


def find_other_node(state: Path) -> int | None:
    """Return the id of a node agent on this machine's network that this lab has not started, or None."""
    network = Path("/proc/self/ns/net").readlink()
    mark = f"{MARK}={state}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() not in KUBELETS:
                continue
            elsewhere = (process / "ns" / "net").readlink() != network
            if not elsewhere and mark not in (process / "environ").read_bytes().split(b"\0"):
                return int(process.name)
        except OSError:  # it has ended meanwhile
            continue
    return None


def keep_sysctls(path: Path) -> None:
    """Write down the kernel settings a node changes, unless that was done before."""
    if not path.exists():
        found = {name: Path("/proc/sys", name) for name in SYSCTLS}
        path.write_text(json.dumps({name: file.read_text().strip() for name, file in found.items()}))


def restore_sysctls(path: Path) -> None:
    """Give the kernel the settings that :func:`keep_sysctls` wrote down."""
    if path.exists():
        for name, value in json.loads(path.read_text()).items():
            Path("/proc/sys", name).write_text(value)
        path.unlink()


def unmount_below(folder: Path) -> None:
    """Unmount ``folder`` itself (the kubelet mounts it anew) and everything below it, the deepest first.

    :raises LabError: when something there is still in use.
    """
    for path in mounts_below(Path("/proc/self/mountinfo").read_text(), folder):
        run(["umount", str(path)], seconds=30)


def mounts_below(mountinfo: str, folder: Path) -> Iterator[Path]:
    """Yield the mount points at and below ``folder``, the last mounted first.

    https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    for line in reversed(mountinfo.splitlines()):
        path = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4]))
        if folder in (path, *path.parents):
            yield path


def remove_pod_logs(folders: tuple[Path, ...] = POD_LOGS) -> None:
    """Remove the links to logs of containers that are gone, and the folders that are empty then.

    The kubelet has no setting for where it keeps these.
    """
    for folder in folders:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_symlink() and not path.exists():
                path.unlink()
            elif path.is_dir() and not path.is_symlink():
                remove_empty(path)
        remove_empty(folder)


def remove_folder(folder: Path) -> None:
    """Remove ``folder`` and all in it.

    :raises LabError: when something stays.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise LabError(
            f"{folder} cannot be removed completely; find out what uses it with: fuser -m {folder}"
        )


def remove_device_plugins(folder: Path = DEVICE_PLUGINS) -> None:
    """Remove the kubelet's folder for device plug-ins, which has no setting, and its parent when empty."""
    shutil.rmtree(folder, ignore_errors=True)
    remove_empty(folder.parent)


def remove_empty(folder: Path) -> None:
    """Remove ``folder``, unless something is in it, or it is a mount point, and so the machine's own."""
    with suppress(OSError):
        folder.rmdir()
