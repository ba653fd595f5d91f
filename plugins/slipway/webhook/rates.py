"""How many requests a minute: counted in this process alone, for as many senders as fit."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter

SECONDS = 60.0
MOST_SENDERS = 4096
OTHERS = "others"
"""Senders beyond that are counted as one, so that a flood from many addresses takes no memory."""


class Rates:
    """Requests of the current minute, by kind and sender; the first request after a minute begins another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends = float("-inf")
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, kind: str, sender: str, per_minute: int) -> int:
        """Count one request; return the seconds until the sender may send again, 0 for at once.

        :param kind: counted apart from others, like an event's name.
        """
        now = time.monotonic()
        with self._lock:
            if now >= self._ends:
                self._counts.clear()
                self._ends = now + SECONDS
            key = (kind, sender)
            if len(self) >= MOST_SENDERS and key not in self._counts:
                key = (kind, OTHERS)
            if self._counts[key] >= per_minute:
                return max(1, math.ceil(self._ends - now))
            self._counts[key] += 1
            return 0

    def __len__(self) -> int:
        """Return how many senders are known."""
        return len(self._counts)
