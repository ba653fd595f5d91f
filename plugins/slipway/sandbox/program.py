"""A program that runs in a sandbox under a guard: started, read line by line, ended."""

from __future__ import annotations

import codecs
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from slipway.sandbox import guard
from slipway.sandbox.errors import ProgramInterruptedError, ProgramTimeoutError
from slipway.sandbox.refusals import refusal
from slipway.sandbox.sandbox import Sandbox

GRACE_SECONDS = 120.0
"""The time that an interrupted program has to remove what it made elsewhere."""
LINE_LENGTH = PIECE_BYTES = 64 * 1024


@dataclass
class Program:
    """One run of ``command`` inside ``sandbox``; a context that ends it when it is left.

    :param seconds: how long it may run.
    :param grace: seconds that it has to tidy up once it is interrupted.
    :param holds: descriptors that stay open until nothing of it is left, such as a lock's.
    """

    command: Sequence[str]
    sandbox: Sandbox
    seconds: float
    grace: float = GRACE_SECONDS
    holds: Sequence[int] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _late: bool = field(default=False, repr=False)
    _asked_to_end: bool = field(default=False, repr=False)
    _timer: threading.Timer | None = field(default=None, repr=False)
    started: float = field(default_factory=time.monotonic)

    def __enter__(self) -> Self:
        """Start it.

        :raises SandboxError: when the worker lacks what it takes to run it apart.
        """
        inside = self.sandbox.command(self.command)
        self._process = subprocess.Popen(
            [sys.executable, "-IS", str(Path(guard.__file__)), str(self.grace), *inside],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.sandbox.variables(),
            pass_fds=self.holds,
            start_new_session=True,
        )
        self._timer = threading.Timer(self.seconds, self._end_late)
        self._timer.daemon = True
        self._timer.start()
        _running.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Interrupt it if it still runs, and wait until nothing of it is left."""
        assert self._process is not None
        assert self._timer is not None
        self._timer.cancel()
        _running.remove(self)
        self.interrupt()
        # Read on: a program that cleans up after its reader has gone is killed by its own printing.
        while os.read(self._output.fileno(), PIECE_BYTES):
            continue
        self._process.wait()
        self._output.close()

    def lines(self) -> Iterator[str]:
        """Yield what it prints, line by line, as it comes.

        :raises ProgramTimeoutError: when it took longer than it may; it was interrupted and has ended.
        :raises ProgramInterruptedError: when :func:`interrupt_all` ended it.
        :raises SandboxError: when it was not started, because the worker cannot run it apart.
        :raises TransientSandboxError: when it was not started for a reason that may pass.
        """
        begun = ""
        for piece in self.pieces():
            *whole, begun = (begun + piece).split("\n")
            yield from (line.rstrip("\r") for line in whole)
            if len(begun) > LINE_LENGTH:
                yield begun
                begun = ""
        if begun:
            yield begun

    def pieces(self, idle: float | None = None) -> Iterator[str]:
        """Yield what it prints as it comes, whole lines or not.

        :param idle: seconds after which an empty piece says that nothing came.
        :raises ProgramTimeoutError: as :meth:`lines`.
        :raises ProgramInterruptedError: as :meth:`lines`.
        :raises SandboxError: as :meth:`lines`.
        :raises TransientSandboxError: as :meth:`lines`.
        """
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        output, first = self._output.fileno(), b""
        while True:
            if idle is not None and not select.select([output], [], [], idle)[0]:
                yield ""
                continue
            if not (data := os.read(output, PIECE_BYTES)):
                break
            if len(first) < PIECE_BYTES:
                first += data
            yield decoder.decode(data)
        name = Path(self.command[0]).name
        if self._late:
            raise ProgramTimeoutError(f"{name} took longer than {self.seconds:.0f} s and was stopped")
        if self._asked_to_end:
            raise ProgramInterruptedError(f"{name} was stopped, because this task was asked to stop")
        if self.wait() and (why := refusal(first.decode(errors="replace"))):
            raise why

    def wait(self) -> int:
        """Return its exit status once it has ended."""
        assert self._process is not None
        return self._process.wait()

    def interrupt(self) -> None:
        """Have the guard interrupt it, as Ctrl-C does; returns at once."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    @property
    def elapsed(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    @property
    def _output(self) -> IO[bytes]:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    def _end_late(self) -> None:
        self._late = True
        self.interrupt()


_running: list[Program] = []


def interrupt_all() -> None:
    """Have every program of this process interrupted: what a task does that is asked to end (``on_kill``)."""
    for program in _running:
        program._asked_to_end = True
        program.interrupt()
