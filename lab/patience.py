"""How long the lab waits: plain figures for a machine of today, and one factor for slower ones.

``SLIPWAY_LAB_PATIENCE=12`` stretches every time limit of the lab twelvefold, as an emulated machine needs it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.server import LabError

VARIABLE = "SLIPWAY_LAB_PATIENCE"
PARTS = 4
"""A server is looked at this often within its limit..."""
CAP = 4
"""...and waited for at most this many limits, however busy it is."""
BUSY = 0.05
"""Seconds of CPU a second above which a process is at work: less is what idle servers take."""
_TICKS = os.sysconf("SC_CLK_TCK")


def patience() -> float:
    """Return the factor.

    :raises LabError: when it is set to something that is no number, or less than 1.
    """
    text = os.environ.get(VARIABLE, "").strip() or "1"
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 1 <= factor <= 1000:
        raise LabError(
            f"{VARIABLE} must be a number from 1 to 1000 (12 for an emulated machine), not {text!r}"
        )
    return factor


def stretched(seconds: float) -> float:
    """Return a time limit as this machine needs it."""
    return seconds * patience()


@dataclass(frozen=True)
class Work:
    """What a process has done since it was started."""

    cpu_seconds: float
    """Of its whole session, children included."""
    log_bytes: int

    def has_advanced(self, before: Work, seconds: float) -> bool:
        """Say whether this is more than an idle process does in ``seconds``."""
        return self.log_bytes > before.log_bytes or self.cpu_seconds - before.cpu_seconds > BUSY * seconds


@dataclass
class Wait:
    """One wait for a server: over after ``seconds``, or when nothing goes on after that.

    :param seconds: the limit for a machine of today.
    :param work: what the server has done by now.
    """

    seconds: float
    work: Callable[[], Work]
    clock: Callable[[], float] = time.monotonic
    _begun: float = field(init=False)
    _looked: float = field(init=False)
    _done: Work = field(init=False)

    def __post_init__(self) -> None:
        """Begin."""
        self.seconds = stretched(self.seconds)
        self._begun = self._looked = self.clock()
        self._done = self.work()

    @property
    def waited(self) -> float:
        """Seconds by now."""
        return self.clock() - self._begun

    def is_over(self) -> bool:
        """Say whether to give up."""
        now = self.clock()
        passed = now - self._looked
        if passed * PARTS < self.seconds:
            return False
        before, self._done, self._looked = self._done, self.work(), now
        if now - self._begun < self.seconds:
            return False
        return now - self._begun >= CAP * self.seconds or not self._done.has_advanced(before, passed)


def work_of(session: int, log: Path) -> Work:
    """Return what the processes of a session have done, those that have ended and were waited for included.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    ticks = sum(_ticks(stat, session) for stat in Path("/proc").glob("[0-9]*/stat"))
    return Work(ticks / _TICKS, log.stat().st_size if log.exists() else 0)


def _ticks(stat: Path, session: int) -> int:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
        return 0
    return sum(map(int, fields[11:15])) if int(fields[3]) == session else 0
