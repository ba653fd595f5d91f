"""One poll for everybody who waits for things of one server.

However many triggers wait, the server is asked once a tick for all that they wait for. Runs in the
triggerer's event loop; a question that blocks is put in a thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Generic, TypeVar

from slipway.flow.record import SlipwayError

log = logging.getLogger(__name__)

TICK_SECONDS = 3.0
"""Between two questions."""
EARLIEST_SECONDS = 1.0
"""Between two questions when a new waiter came, which should not wait a whole tick."""

A = TypeVar("A")
Ask = Callable[[Sequence[str]], Awaitable[Mapping[str, A]]]


def in_thread(ask: Callable[[Sequence[str]], Mapping[str, A]]) -> Ask[A]:
    """Return a question that does not block for one that does.

    Its thread is its own. The event loop's are as few as the machine has cores, and everybody's: a look is
    what lets work begin, and would wait there for the end of work that was begun.
    """
    threads = ThreadPoolExecutor(1, "poll")

    async def asked(keys: Sequence[str]) -> Mapping[str, A]:
        return await asyncio.get_running_loop().run_in_executor(threads, ask, keys)

    return asked


class Feed(Generic[A]):
    """What one waiter receives: always the last answer, never a queue of old ones."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._last: asyncio.Queue[A | SlipwayError] = asyncio.Queue(maxsize=1)

    async def next(self) -> A:
        """Wait for the next answer.

        :raises SlipwayError: what asking raised.
        """
        answer = await self._last.get()
        if isinstance(answer, SlipwayError):
            raise answer
        return answer

    def tell(self, answer: A | SlipwayError) -> None:
        """Replace what was not taken yet."""
        with suppress(asyncio.QueueEmpty):
            self._last.get_nowait()
        self._last.put_nowait(answer)


class Poll(Generic[A]):
    """Polls while something waits; ends by itself when the last waiter has gone.

    :param ask: takes keys, and returns the answer for each.
    """

    def __init__(self, ask: Ask[A], tick: float = TICK_SECONDS) -> None:
        self._ask = ask
        self._tick = tick
        self._feeds: set[Feed[A]] = set()
        self._came = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Say whether no waiter is left."""
        return not self._feeds

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[Feed[A]]:
        """Receive the answers about ``key``."""
        feed: Feed[A] = Feed(key)
        self._feeds.add(feed)
        self._came.set()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._run())
        try:
            yield feed
        finally:
            self._feeds.discard(feed)

    async def _run(self) -> None:
        while self._feeds:
            self._came.clear()
            await self._tell()
            await asyncio.sleep(min(EARLIEST_SECONDS, self._tick))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), max(0.0, self._tick - EARLIEST_SECONDS))

    async def _tell(self) -> None:
        feeds = list(self._feeds)
        try:
            answers = await self._ask(sorted({feed.key for feed in feeds}))
        except SlipwayError as error:
            for feed in feeds:
                feed.tell(error)
        except Exception as error:
            log.exception("polling failed")
            for feed in feeds:
                feed.tell(SlipwayError(f"polling failed: {error}"))
        else:
            for feed in feeds:
                feed.tell(answers[feed.key])
