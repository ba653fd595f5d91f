"""One poll for everybody: asked once a tick, whoever comes and goes, whatever it answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest

from slipway.flow.record import SlipwayError, TransientError
from slipway.polling import Poll, in_thread

TICK = 0.02


class Cloud:
    """Answers each key with how often anything was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.trouble: list[Exception] = []

    async def ask(self, keys: Sequence[str]) -> dict[str, int]:
        self.asked.append(list(keys))
        if self.trouble:
            raise self.trouble.pop()
        return {key: len(self.asked) for key in keys}


async def test_many_waiters_are_one_question_a_tick() -> None:
    cloud = Cloud()
    poll = Poll(cloud.ask, TICK)
    async with AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(poll.of(f"key-{number % 5}")) for number in range(50)]
        answers = await asyncio.gather(*(feed.next() for feed in feeds))
    assert len(set(answers)) == 1
    assert cloud.asked[0] == [f"key-{number}" for number in range(5)]


async def test_nobody_waits_nobody_asks() -> None:
    cloud = Cloud()
    poll = Poll(cloud.ask, TICK)
    async with poll.of("a") as feed:
        await feed.next()
    assert poll.is_idle
    assert poll._asking is not None
    await poll._asking  # it ends by itself
    asked = len(cloud.asked)
    async with poll.of("b") as feed:
        await feed.next()
    assert cloud.asked[asked:] == [["b"]]


async def test_waiter_that_comes_later_is_told_too() -> None:
    cloud = Cloud()
    poll = Poll(cloud.ask, TICK)
    async with poll.of("a") as first:
        await first.next()
        async with poll.of("b") as second:
            await second.next()
        await first.next()
    assert ["a", "b"] in cloud.asked


async def test_slow_waiter_gets_the_newest_answer_not_old_ones() -> None:
    cloud = Cloud()
    poll = Poll(cloud.ask, TICK)
    async with poll.of("slow") as slow, poll.of("quick") as quick:
        for _ in range(4):
            last = await quick.next()
        assert await slow.next() >= last


async def test_trouble_is_told_to_everybody_and_does_not_end_the_poll() -> None:
    cloud = Cloud()
    cloud.trouble = [TransientError("the cloud is away")]
    poll = Poll(cloud.ask, TICK)
    async with poll.of("a") as one, poll.of("b") as two:
        for feed in (one, two):
            with pytest.raises(TransientError, match="the cloud is away"):
                await feed.next()
        assert await asyncio.gather(one.next(), two.next())


async def test_defect_ends_every_wait_and_leaves_nobody_waiting_for_ever() -> None:
    cloud = Cloud()
    cloud.trouble = [KeyError("a defect")]
    async with Poll(cloud.ask, TICK).of("a") as feed:
        with pytest.raises(SlipwayError, match="polling failed"):
            await feed.next()


async def test_waiter_that_is_called_off_leaves_the_others_waiting() -> None:
    cloud = Cloud()
    poll = Poll(cloud.ask, TICK)

    async def wait() -> None:
        async with poll.of("gone") as feed:
            while True:
                await feed.next()

    async with poll.of("stays") as feed:
        await feed.next()
        task = asyncio.create_task(wait())
        while ["gone", "stays"] not in cloud.asked:
            await feed.next()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        while cloud.asked[-1] != ["stays"]:
            await feed.next()


async def test_question_that_blocks_is_asked_although_all_threads_of_the_loop_are_busy() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    free = threading.Event()
    work = asyncio.create_task(asyncio.to_thread(free.wait))
    try:
        async with Poll(in_thread(lambda keys: {key: f"about {key}" for key in keys}), TICK).of("a") as feed:
            assert await asyncio.wait_for(feed.next(), 30) == "about a"
        assert not work.done()
    finally:
        free.set()
        await work
