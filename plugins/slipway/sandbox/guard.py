"""Runs one program and sees that nothing of it outlives whoever asked for it.

Started as a process of its own: ``python guard.py SECONDS PROGRAM ARGUMENT...``. Its standard input is a pipe
that its starter holds open and never writes to. When that ends, because it was closed or the starter died in
whatever way, the program's process group gets SIGINT (as by Ctrl-C at a terminal), SECONDS to tidy up, and
then SIGKILL. When the program ends, what it left running is killed.

It imports nothing of Slipway: it must start at once, and run where Slipway is not installed.

https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SANDBOX = "bwrap"
KILLED_BY = 128
"""Added to a signal's number in an exit status, as shells do."""
_TICK_SECONDS = 0.1


def main(arguments: list[str]) -> int:
    """Run the program; returns its exit status."""
    grace, command = float(arguments[0]), arguments[1:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_take_signals)
    try:
        status = _watch(program, grace)
    finally:
        _kill_all()
    return status if status >= 0 else KILLED_BY - status


def _take_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _watch(program: subprocess.Popen[bytes], grace: float) -> int:
    """Wait for the program; end it when the starter is gone."""
    deadline, told = None, False
    while (status := program.poll()) is None:
        if deadline is None and select.select([sys.stdin], [], [], _TICK_SECONDS)[0]:
            deadline = time.monotonic() + grace
        if deadline is not None:
            # Once: what it starts to tidy up shall do its work. It may not have begun at all yet.
            told = told or _interrupt()
            time.sleep(_TICK_SECONDS)
            if time.monotonic() > deadline:
                _kill_all()
                return program.wait()
        _reap_adopted(program.pid)
    return status


def _interrupt() -> bool:
    """Send SIGINT to all that was started, but to the sandbox: it has nothing to tidy up, and would end
    before the program and hide its status. Says whether there was anybody."""
    told = False
    for process in _descendants(os.getpid()):
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{process}/comm").read_text().strip() != SANDBOX:
                os.kill(process, signal.SIGINT)
                told = True
    return told


def _reap_adopted(program: int) -> None:
    for child in list(_children()):
        if child != program:
            with suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)


def _kill_all() -> None:
    """Kill every descendant; those of a killed one come up to us and are killed in the next round."""
    while children := list(_children()):
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            with suppress(ChildProcessError):
                os.waitpid(child, 0)


def _descendants(process: int) -> Iterator[int]:
    for child in list(_children(process)):
        yield child
        yield from _descendants(child)


def _children(process: int | str = "self") -> Iterator[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{process}/task").iterdir():
            yield from map(int, (task / "children").read_text().split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
