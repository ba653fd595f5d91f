"""Processes by the mark that the lab puts on them at their start, whatever their parent is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from lab.environment import MARK
from lab.process import born, wait_gone
from lab.server import LabError


def marked() -> Iterator[tuple[int, Path]]:
    """Yield process id and state folder of every process on this machine that some lab started."""
    prefix = f"{MARK}=".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # ended meanwhile, or not ours to read
            continue
        for variable in variables:
            if variable.startswith(prefix):
                yield int(folder.name), Path(os.fsdecode(variable.removeprefix(prefix)))


def refuse_another_lab(state: Path) -> None:
    """Check that no lab of another checkout runs: engines and nodes share the machine's packet filter.

    :raises LabError: when one does.
    """
    others = sorted({str(other.parent) for _, other in marked() if other != state})
    if others:
        raise LabError(
            f"another lab runs on this machine, of {others[0]}; stop it: make -C {others[0]} lab-down"
        )


def kill_leftovers(state: Path) -> None:
    """Kill what is left of the lab whose state is ``state``.

    :raises LabError: when a process survives.
    """

    def left() -> list[int]:
        return [pid for pid, other in marked() if other == state and born(pid) is not None]

    for pid in left():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if not wait_gone(lambda: not left(), 10):
        raise LabError(
            f"processes of the lab do not end: {left()}; find out what holds them: ps -o pid,stat,wchan,args"
        )
