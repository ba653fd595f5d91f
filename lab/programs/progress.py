"""One line at the start of a build, and one at each further fifth of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

STEPS = 5


@dataclass
class Progress:
    """Counts ``total`` parts of ``what`` is being done (``building x 1.2``), and says how far it is."""

    what: str
    total: int
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    said: int = 0

    def start(self) -> None:
        """Say that it begins."""
        self._say("begun")

    def advance(self) -> None:
        """Count one part."""
        self.done += 1
        step = self.done * STEPS // max(self.total, 1)
        if self.said < step < STEPS:
            self.said = step
            self._say(f"{100 * step // STEPS} %, {time.monotonic() - self.begun:.0f} s")

    def end(self) -> None:
        """Say that it is done."""
        self._say(f"done, {time.monotonic() - self.begun:.0f} s")

    def _say(self, how_far: str) -> None:
        print(f"{self.what} (once, then cached): {how_far}", flush=True)
