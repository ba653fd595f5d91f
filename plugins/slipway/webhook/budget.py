"""How many bytes of requests are held before anybody vouches for them.

Bytes count as they arrive, not as they are announced: who only announces a large body keeps nobody out. So
that requests that are half read do not wait for each other, a reserve is for one of them at a time: the first
that finds no other room. Room is awaited in an event loop, and given back from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from types import TracebackType
from typing import Self

WAIT_SECONDS = 3.0
MOST_WAITING = 256
REQUEST_BYTES = 64 * 1024
"""What a request costs before its body is read: uvicorn's buffer of a connection."""


class BudgetError(Exception):
    """There was no room for more bytes, although it was waited for."""


class ByteBudget:
    """Room for ``size`` bytes. Of what is not the reserve, one source has at most half."""

    def __init__(self, size: int, reserve: int) -> None:
        """Begin with nothing held.

        :param reserve: bytes of ``size``, as many as the largest request has.
        """
        self._lock = threading.Lock()
        self._reserve = reserve
        self._first: Held | None = None
        self._total = 0
        self._by_source: Counter[str] = Counter()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self.resize(size)

    def resize(self, size: int) -> None:
        """Give more room or less; what is held stays."""
        self._size = size

    @property
    def held(self) -> int:
        """How many bytes are held now."""
        return self._total

    async def grow(self, held: Held, size: int) -> bool:
        """Add ``size`` bytes to what is held.

        :return: whether it was waited for.
        :raises BudgetError: when there is no room within :data:`WAIT_SECONDS`, or too many wait already.
        """
        if self._take(held, size):
            return False
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise BudgetError
            self._waiting.add(waiter)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not self._take(held, size):
                    await waiter[1].wait()
                    waiter[1].clear()
        except TimeoutError:
            raise BudgetError from None
        finally:
            with self._lock:
                self._waiting.discard(waiter)
        return True

    def _take(self, held: Held, size: int) -> bool:
        with self._lock:
            if not self._fits(held, size):
                return False
            self._total += size
            self._by_source[held.source] += size
            held.size += size
            return True

    def _fits(self, held: Held, size: int) -> bool:
        first, room = self._first, self._size - self._reserve
        if held is not first:
            reserved = first.size if first else 0
            own = self._by_source[held.source] - (reserved if first and first.source == held.source else 0)
            if self._total - reserved + size <= room and own + size <= room // 2:
                return True
        if first in (None, held) and held.size + size <= self._reserve:
            self._first = held
            return True
        return False

    def give_back(self, held: Held) -> None:
        """Give back all that is held; from any thread, and more than once."""
        with self._lock:
            self._total -= held.size
            self._by_source[held.source] -= held.size
            held.size = 0
            if self._first is held:
                self._first = None
            if self._by_source[held.source] <= 0:
                del self._by_source[held.source]
            waiting = list(self._waiting)
        for loop, event in waiting:
            with contextlib.suppress(RuntimeError):  # its loop was closed
                loop.call_soon_threadsafe(event.set)


class Held:
    """The bytes of one request, given back at the block's end."""

    def __init__(self, budget: ByteBudget, source: str) -> None:
        self._budget = budget
        self.source = source
        self.size = 0

    async def grow(self, size: int) -> bool:
        """Hold ``size`` more bytes; see :meth:`ByteBudget.grow`."""
        return await self._budget.grow(self, size)

    def release(self) -> None:
        """Give them back; also from another thread, also again."""
        self._budget.give_back(self)

    def __enter__(self) -> Self:
        """Hold until the block's end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back."""
        self.release()
