"""The cache of answers, and a limit on requests to Keystone for unknown tokens."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Remembered(Generic[V]):
    """Values by key, each until a moment; the one that was used longest ago makes room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[bytes, tuple[float, V]] = OrderedDict()

    def get(self, key: bytes, now: float) -> V | None:
        """Return what is kept, if its moment has not come."""
        found = self._values.get(key)
        if found is None:
            return None
        if found[0] <= now:
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return found[1]

    def put(self, key: bytes, value: V, until: float) -> None:
        """Keep a value until a moment of the same clock."""
        self._values[key] = (until, value)
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def drop(self, key: bytes) -> None:
        """Forget a value."""
        self._values.pop(key, None)

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._values)


class Failures:
    """So many failures at once, and so many a second: https://en.wikipedia.org/wiki/Token_bucket"""

    def __init__(self, burst: int, a_second: float) -> None:
        self._burst = burst
        self._a_second = a_second
        self._left = float(burst)
        self._at = float("-inf")

    def may_fail(self, now: float) -> bool:
        """Say whether one more failure is allowed."""
        if now > self._at:
            self._left = min(self._burst, self._left + (now - self._at) * self._a_second)
            self._at = now
        return self._left >= 1

    def failed(self) -> None:
        """Count one."""
        self._left -= 1
