"""The boot test: an image is started, and must say what it should, before anybody gets it."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway.qemu.accelerator import devices
from slipway.qemu.console import SerialConsole
from slipway.qemu.errors import BootError, QemuError, TransientQemuError
from slipway.qemu.machine import HOST, Machine, free_port
from slipway.sandbox.errors import ProgramTimeoutError
from slipway.sandbox.program import Program
from slipway.sandbox.sandbox import TEMPORARY, Sandbox

log = logging.getLogger(__name__)

PROGRAM = "qemu-system-x86_64"
IDLE_SECONDS = 0.3
BANNER_SECONDS = 3.0
BANNER = "SSH-"
GRACE_SECONDS = 2.0
"""A machine that did its duty has nothing to tidy up."""
_KILLED = 128
_PORT_TAKEN = "host forwarding"
_SHORT = re.compile(
    "|".join(os.strerror(number) for number in (errno.ENOMEM, errno.EAGAIN, errno.EBUSY, errno.ENOSPC))
    + "|Failed to get .* lock"
)
"""What qemu lacks at its start, or what another process has, and gives back."""


@dataclass(frozen=True)
class Expected:
    """The expected behaviour of an image at its boot.

    :param says: all of these, on its console or when SSH answers.
    :param ssh: port 22 must answer as an SSH server does.
    :param seconds: in which it must.
    """

    says: Sequence[str]
    ssh: bool
    seconds: float


@dataclass
class _Seen:
    console: SerialConsole = field(default_factory=SerialConsole)
    banner: str = ""

    def lacks(self, expected: Expected) -> list[str]:
        spoken = [text for text in self.console.lacks(expected.says) if text not in self.banner]
        missing = [f"its console does not show {text!r}" for text in spoken]
        if expected.ssh and not self.banner:
            missing.append("SSH does not answer on port 22")
        return missing


def boot(machine: Machine, expected: Expected, scratch: Path, lock: int | None = None) -> float:
    """Start ``machine`` and wait until it did what is expected; returns the seconds that took.

    :param scratch: folder for what the machine writes to its disk; thrown away by the caller.
    :param lock: descriptor that stays open until nothing of the machine is left.
    :raises BootError: when it did not, with the last lines of its console.
    :raises QemuError: when this worker cannot run it.
    :raises TransientQemuError: when its port was taken meanwhile, or memory is short.
    """
    port, seen = free_port(), _Seen()
    sandbox = Sandbox(
        folder=Path(TEMPORARY),
        readable=machine.files,
        devices=devices(machine.accelerator),
        scratch=scratch,
    )
    log.info("booting %s: %d MiB, %s", machine.disk.name, machine.memory_mib, machine.accelerator)
    command = machine.command(_program(), port)
    held = [] if lock is None else [lock]
    try:
        with Program(command, sandbox, expected.seconds, GRACE_SECONDS, held) as running:
            for piece in running.pieces(IDLE_SECONDS):
                for line in seen.console.read(piece):
                    log.info("[%5.1f s] %s", running.elapsed, line)
                if expected.ssh and not seen.banner and seen.console.said:
                    seen.banner = _banner(port)
                if not seen.lacks(expected):
                    if seen.console.begun:
                        log.info("[%5.1f s] %s", running.elapsed, seen.console.begun)
                    log.info(
                        "[%5.1f s] it has booted, and its console shows the expected text", running.elapsed
                    )
                    return running.elapsed
            raise _ended(seen, expected, running.wait(), machine.memory_mib)
    except ProgramTimeoutError:
        why = "; ".join(seen.lacks(expected))
        raise BootError(_told(f"after {expected.seconds:.0f} s {why}", seen.console)) from None


def _program() -> str:
    if (found := shutil.which(PROGRAM)) is None:
        raise QemuError(
            f"{PROGRAM} is not on this worker's PATH. Install it (Debian's package qemu-system-x86), or "
            "route builds to a worker that has it: queue `packer`."
        )
    return os.path.realpath(found)


def _banner(port: int) -> str:
    """Return the first line of who answers as an SSH server does, or nothing."""
    try:
        with socket.create_connection((HOST, port), timeout=BANNER_SECONDS) as connection:
            said = connection.recv(512).decode(errors="replace")
    except OSError:
        return ""
    return said if said.startswith(BANNER) else ""


def _ended(seen: _Seen, expected: Expected, status: int, memory_mib: int) -> Exception:
    if (status and not seen.console.said.strip()) or "qemu-system" in seen.console.said[:200]:
        said = " ".join(seen.console.last_lines)[:500] or f"exit status {status}"
        if _PORT_TAKEN in said:
            return TransientQemuError(f"another process took the machine's port: {said}")
        if status > _KILLED or _SHORT.search(said):
            return TransientQemuError(
                f"this worker could not run the machine now: {said}. It needs {memory_mib} MiB of memory, "
                "and files that no other process has locked."
            )
        return QemuError(f"qemu does not start on this worker: {said}")
    return BootError(_told(f"the machine stopped, and {'; '.join(seen.lacks(expected))}", seen.console))


def _told(why: str, console: SerialConsole) -> str:
    last = "".join(f"\n  {line}" for line in console.last_lines)
    return f"the image does not boot as expected: {why}\nthe last lines of its console:{last or ' none'}"
