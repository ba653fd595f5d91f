"""Ends the pods that containerd has left running, and takes away what they hold on the machine.

By what is on disk, not by containerd: it works after a crash too.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.command import run
from lab.kubernetes.layout import Layout
from lab.kubernetes.traces import remove_empty
from lab.process import born, wait_gone
from lab.server import LabError

NAMESPACE = "k8s.io"
"""containerd's name for what the kubelet has; the containers' cgroups are called so too."""
CNI_RESULTS = Path("/var/lib/cni/results")
SHIM_SOCKETS = Path("/run/containerd/s")
"""Neither place has a setting."""


@dataclass(frozen=True)
class Container:
    """A container as runc knows it."""

    name: str
    network: Path | None
    """The mounted network namespace that it was put in."""


def remove_sandboxes(layout: Layout) -> None:
    """Kill every container, then their shims; remove network namespaces, cgroups, sockets and records.

    containerd has ended before.

    :raises LabError: when a process or a mount stays.
    """
    found = list(containers(layout.runc_root / NAMESPACE))
    for container in found:
        run(
            ["runc", "--root", str(layout.runc_root / NAMESPACE), "delete", "--force", container.name],
            seconds=60,
        )
    _stop_shims(layout)
    for network in {container.network for container in found} - {None}:
        _remove_network(network)
    for socket in shim_sockets(layout.runtime / "state"):
        socket.unlink(missing_ok=True)
    for container in found:
        for record in CNI_RESULTS.glob(f"*-{container.name}-*"):
            record.unlink(missing_ok=True)
    cgroups = Path("/sys/fs/cgroup")
    for name in {container.name for container in found} | set(bundles(layout.runtime / "state")):
        for cgroup in (*cgroups.glob(f"*/{NAMESPACE}/{name}"), cgroups / NAMESPACE / name):
            _end_cgroup(cgroup)
    for folder in (
        *(SHIM_SOCKETS, SHIM_SOCKETS.parent, CNI_RESULTS, CNI_RESULTS.parent, Path("/run/netns")),
        *(*cgroups.glob(f"*/{NAMESPACE}"), cgroups / NAMESPACE),
    ):
        remove_empty(folder)


def containers(root: Path) -> Iterator[Container]:
    """Yield the containers below runc's folder ``root``."""
    for state in root.glob("*/state.json"):
        try:
            settings = json.loads(state.read_text())
        except ValueError:  # its runc was killed while it wrote
            settings = {}
        yield Container(state.parent.name, _network(settings))


def bundles(state: Path) -> Iterator[str]:
    """Yield the containers of containerd's folder ``state``, those that runc was still making, too."""
    yield from (path.name for path in (state / "io.containerd.runtime.v2.task" / NAMESPACE).glob("*"))


def shim_sockets(state: Path) -> Iterator[Path]:
    """Yield the sockets of the shims of containerd's folder ``state``."""
    for bundle in (state / "io.containerd.runtime.v2.task" / NAMESPACE).glob("*"):
        for name in ("address", "bootstrap.json"):
            text = (bundle / name).read_text(errors="replace") if (bundle / name).is_file() else ""
            address = json.loads(text).get("address", "") if text.startswith("{") else text.strip()
            if address.startswith(f"unix://{SHIM_SOCKETS}/"):
                yield Path(address.removeprefix("unix://"))


def _network(settings: Any) -> Path | None:
    namespaces = settings.get("config", {}).get("namespaces") or []
    paths = [one.get("path") for one in namespaces if one.get("type") == "NEWNET" and one.get("path")]
    named = [Path(path) for path in paths if Path(path).name.startswith("cni-")]
    return named[0] if named else None


def _remove_network(network: Path | None) -> None:
    if network is not None and network.exists():
        run(["umount", str(network)], seconds=30)
        network.unlink()


def _end_cgroup(cgroup: Path) -> None:
    """Kill what is in a container's cgroup (runc, killed halfway, has left it), and remove it."""
    processes = cgroup / "cgroup.procs"
    if processes.exists():
        for pid in processes.read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        wait_gone(lambda: not processes.read_text(), 3)
        remove_empty(cgroup)


def _stop_shims(layout: Layout) -> None:
    def left() -> list[int]:
        return [pid for pid in shims(layout.containerd_socket) if born(pid) is not None]

    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        if wait_gone(lambda: not left(), 3):
            return
    raise LabError(
        f"containerd's shims do not end: {left()}; find out what holds them: ps -o pid,stat,wchan,args"
    )


def shims(socket: Path) -> Iterator[int]:
    """Yield the ids of the shims of the containerd that answers at ``socket``."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if Path(os.fsdecode(words[0])).name == "containerd-shim-runc-v2" and os.fsencode(socket) in words:
            yield int(folder.name)
