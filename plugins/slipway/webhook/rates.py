"""How many requests a minute: counted in this process alone, for as many senders as fit.

https://limits.readthedocs.io/en/stable/strategies.html#fixed-window
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

MOST_SENDERS = 4096
OTHERS = "others"
"""Senders beyond that are counted as one, so that a flood from many addresses takes no memory."""


class Rates:
    """Requests of the current minute, by kind and sender."""

    def __init__(self) -> None:
        self._counts = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._counts)

    def count(self, kind: str, sender: str, per_minute: int) -> int:
        """Count one request; return the seconds until the sender may send again, 0 for at once.

        :param kind: counted apart from others, like an event's name.
        """
        limit = RateLimitItemPerMinute(per_minute)
        if len(self) >= MOST_SENDERS and not self._counts.get(limit.key_for(kind, sender)):
            sender = OTHERS
        if self._limiter.hit(limit, kind, sender):
            return 0
        return max(1, math.ceil(self._limiter.get_window_stats(limit, kind, sender).reset_time - time.time()))

    def __len__(self) -> int:
        """Return how many senders are known."""
        return len(self._counts.storage)
