"""How many bytes may be held, without a server."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.webhook import budget as rules
from slipway.webhook.budget import BudgetError, ByteBudget, Held


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "WAIT_SECONDS", 0.01)


async def test_who_finds_no_room_waits_until_another_thread_gives_back() -> None:
    budget = ByteBudget(200, reserve=0)
    first, second, third = (Held(budget, source) for source in "abc")
    assert not await first.grow(90)
    assert not await second.grow(90)
    waiting = asyncio.create_task(third.grow(90))
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.to_thread(first.release)
    assert await waiting
    assert (budget.held, third.size) == (180, 90)


async def test_who_waits_in_vain_is_refused_and_holds_what_it_held(impatient: None) -> None:
    budget = ByteBudget(200, reserve=0)
    first, second, third = (Held(budget, source) for source in "abc")
    for held, size in ((first, 90), (second, 90), (third, 20)):
        await held.grow(size)
    with pytest.raises(BudgetError):
        await third.grow(1)
    assert (budget.held, third.size) == (200, 20)


async def test_one_source_leaves_room_for_others(impatient: None) -> None:
    budget = ByteBudget(170, reserve=70)
    greedy = [Held(budget, "a") for _ in range(3)]
    await greedy[0].grow(30)
    await greedy[1].grow(20)
    await greedy[0].grow(40)  # of the reserve
    await greedy[2].grow(30)
    with pytest.raises(BudgetError):
        await greedy[2].grow(1)
    assert not await Held(budget, "b").grow(50)


async def test_half_read_requests_do_not_wait_for_each_other() -> None:
    budget = ByteBudget(150, reserve=50)
    requests = [Held(budget, "a") for _ in range(5)]
    for request in requests:
        await request.grow(10)

    async def read(request: Held) -> None:
        for _ in range(4):
            await request.grow(10)
            await asyncio.sleep(0)
        request.release()

    await asyncio.gather(*map(read, requests))
    assert budget.held == 0


async def test_giving_back_twice_counts_once() -> None:
    budget = ByteBudget(200, reserve=0)
    first, second = Held(budget, "a"), Held(budget, "a")
    await first.grow(60)
    await second.grow(40)
    for _ in range(3):
        first.release()
    assert budget.held == 40


async def test_no_crowd_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_WAITING", 2)
    budget = ByteBudget(20, reserve=0)
    full = Held(budget, "a")
    await full.grow(10)
    waiting = [asyncio.create_task(Held(budget, "a").grow(1)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BudgetError):
        await Held(budget, "a").grow(1)
    full.release()
    assert await asyncio.gather(*waiting) == [True, True]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60)), max_size=40))
def test_no_more_is_held_than_there_is(steps: list[tuple[int, int]]) -> None:
    """Of six requests of three sources each step grows one, or gives it back when there is no room."""

    async def run() -> None:
        budget = ByteBudget(120, reserve=60)
        requests = [Held(budget, "abc"[number % 3]) for number in range(6)]
        for number, size in steps:
            one = asyncio.create_task(requests[number].grow(size))
            await asyncio.sleep(0)
            if not one.done():
                one.cancel()
                requests[number].release()
            await asyncio.gather(one, return_exceptions=True)
            assert budget.held == sum(request.size for request in requests) <= 120
        for request in requests:
            request.release()
        assert budget.held == 0

    asyncio.run(run())
