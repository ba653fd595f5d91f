"""How far a stream has come, for the task's log."""

from __future__ import annotations

import logging
import time

log = logging.getLogger(__name__)

MIB = 1024**2
SECONDS = 5.0
"""Between two lines."""


class Progress:
    """Counts the bytes of one stream."""

    def __init__(self, what: str, size: int | None) -> None:
        self.bytes = 0
        self._what = what
        self._of = f" of {size / MIB:.0f}" if size else ""
        self._started = time.monotonic()
        self._next = self._started + SECONDS

    def add(self, count: int) -> None:
        """Count ``count`` bytes more; says so every few seconds."""
        self.bytes += count
        now = time.monotonic()
        if now >= self._next:
            self._next = now + SECONDS
            log.info("%s: %s", self._what, self)

    def done(self) -> None:
        """Say what came of it, in one line."""
        log.info(
            "%s: done, %.1f MiB in %.1f s, %.0f MiB/s",
            *(self._what, self.bytes / MIB, self._seconds, self._rate),
        )

    def __str__(self) -> str:
        """``120 of 4096 MiB, 240 MiB/s``."""
        return f"{self.bytes / MIB:.0f}{self._of} MiB, {self._rate:.0f} MiB/s"

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._started, 1e-6)

    @property
    def _rate(self) -> float:
        return self.bytes / MIB / self._seconds
