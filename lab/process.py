"""Processes in the background: started in a session of their own, known by pid and start time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.environment import MARK, inherited
from lab.paths import Paths
from lab.patience import Wait, Work, stretched, work_of
from lab.server import LabError

TAIL = 15


@dataclass(frozen=True)
class Process:
    """One background process: ``.lab/log/<name>.log``, ``.lab/pid/<name>.json``.

    ``environment`` is the whole of it (see :func:`lab.environment.inherited`).
    """

    name: str
    command: Sequence[str]
    paths: Paths
    environment: Mapping[str, str] = field(default_factory=inherited)
    folder: Path | None = None
    user: str | None = None

    @property
    def log(self) -> Path:
        """What it prints, since its last start; what it printed before is in ``<name>.log.1``."""
        return self.paths.logs / f"{self.name}.log"

    def start(self) -> None:
        """Start it unless it runs.

        :raises LabError: when its program is not there.
        """
        if self.pid is not None:
            return
        if self.log.exists():
            self.log.rename(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            try:
                started = subprocess.Popen(
                    list(self.command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder or self.paths.state,
                    env={**self.environment, MARK: str(self.paths.state)},
                    user=self.user,
                    group=self.user,
                    extra_groups=[] if self.user else None,
                    start_new_session=True,
                )
            except OSError as error:
                raise LabError(f"{self.name}: cannot run {self.command[0]}: {error.strerror}") from error
        self._identity.write_text(json.dumps({"pid": started.pid, "born": born(started.pid)}))

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until ``ready()``, as long as the process lives; beyond ``seconds`` while it is at work.

        :raises LabError: when it ended, or was not ready in time; with the end of its log.
        """
        wait = Wait(seconds, self.work)
        while not ready():
            if self.pid is None:
                raise LabError(f"{self.name} ended before it was ready; {self.tail()}")
            if wait.is_over():
                raise LabError(f"{self.name} was not ready after {wait.waited:.0f} s; {self.tail()}")
            time.sleep(0.1)

    def work(self) -> Work:
        """Return what it has done since its start."""
        pid = self.pid
        return Work(0, 0) if pid is None else work_of(pid, self.log)

    @property
    def pid(self) -> int | None:
        """Its process id while it runs, else None; a recycled id is not taken for it."""
        try:
            identity = json.loads(self._identity.read_text())
        except (FileNotFoundError, ValueError):
            return None
        pid: int = identity["pid"]
        _reap(pid)
        return pid if identity["born"] is not None and born(pid) == identity["born"] else None

    @property
    def started(self) -> float | None:
        """When it was started, in seconds since the epoch, while it runs."""
        return None if self.pid is None else self._identity.stat().st_mtime

    def stop(self, grace: float = 10) -> None:
        """End it and its process group: TERM, ``grace`` seconds later KILL.

        :raises LabError: when it survives that.
        """
        pid = self.pid
        if pid is not None:
            _signal_group(pid, signal.SIGTERM)
            if not wait_gone(lambda: self.pid is None, grace):
                _signal_group(pid, signal.SIGKILL)
            if not wait_gone(lambda: self.pid is None, 5):
                raise LabError(f"{self.name}: process {pid} does not end; see {self.log}")
            _signal_group(pid, signal.SIGKILL)
        self._identity.unlink(missing_ok=True)

    def tail(self) -> str:
        """Return where the log is, and its last lines."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n  ".join([f"the end of {self.log}:", *(line[:300] for line in lines[-TAIL:])])

    @property
    def _identity(self) -> Path:
        return self.paths.pids / f"{self.name}.json"


def born(pid: int) -> str | None:
    """Return what tells this process from another with the same id; None when there is none (or a zombie).

    Field 22 of ``/proc/<pid>/stat`` (start time in ticks since boot) and the boot's id:
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def wait_gone(gone: Callable[[], bool], seconds: float) -> bool:
    """Wait up to ``seconds`` until ``gone()``; say whether it came to that."""
    deadline = time.monotonic() + stretched(seconds)
    while not gone():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
