"""What ends a wait for servers: they are ready, one fails or has had its time, or somebody should look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from slipway.flow.nova.observed import Server
from slipway.flow.nova.spec import ServerHealth
from slipway.flow.nova.steps import Create, Until
from slipway.flow.record import TransientError
from slipway.openstack.errors import OpenstackError
from slipway.openstack.health import answer
from slipway.openstack.nova.watch import NovaOutcome, NovaWatch, Snapshot, follow
from slipway.polling import Poll
from tests.flow.cloud import Cloud, plan

TICK = 0.01
PLAN = plan(2)
Answer = Snapshot | Exception


def servers(*statuses: str, task: str = "") -> list[Server]:
    cloud = Cloud()
    for index in range(len(statuses)):
        cloud.obey(Create(index), PLAN, "run-2")
    made = zip(cloud.servers.values(), statuses, strict=True)
    return [replace(one, status=status, task=task, address="127.0.0.1") for one, status in made]


def snapshot(found: Sequence[Server]) -> Snapshot:
    return {one.id: one for one in found}


def watch(found: Sequence[Server], health: ServerHealth | None = None, seconds: float = 60) -> NovaWatch:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    until = [
        Until(server=one.id, name=one.name, status="ACTIVE", deadline=deadline, health=health)
        for one in found
    ]
    return NovaWatch(tag=PLAN.tag, run="run-2", at=PLAN.push.at, until=tuple(until))


async def followed(wanted: NovaWatch, *answers: Answer) -> NovaOutcome:
    """Follow a cloud that gives these answers, and the last one for ever."""
    left = list(answers)

    async def ask(tags: Sequence[str]) -> dict[str, Snapshot]:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return dict.fromkeys(tags, found)

    async with Poll(ask, TICK).of(wanted.tag) as feed:
        return await follow(feed, wanted)


async def test_all_are_ready_in_the_end() -> None:
    building, ready = servers("BUILD", "ACTIVE"), servers("ACTIVE", "ACTIVE")
    outcome = await followed(watch(ready), snapshot(building), snapshot(ready))
    assert set(outcome.healthy) == {one.id for one in ready}
    assert outcome.failed == {}


async def test_server_that_nova_is_busy_with_is_not_ready() -> None:
    busy, ready = servers("ACTIVE", task="powering-off"), servers("ACTIVE")
    outcome = await followed(watch(busy, seconds=0.05), snapshot(busy))
    assert "did not become ACTIVE in time (the last time: ACTIVE powering-off)" in outcome.failed[busy[0].id]
    assert (await followed(watch(ready), snapshot(busy), snapshot(ready))).failed == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda found: {},
        lambda found: snapshot([replace(found[0], status="ERROR")]),
        lambda found: snapshot([found[0], _newer(found[0])]),
    ],
    ids=["gone", "failed", "newer push"],
)
async def test_somebody_should_look(change: Callable[[list[Server]], Snapshot]) -> None:
    building = servers("BUILD")
    assert await followed(watch(building), snapshot(building), change(building)) == NovaOutcome()


def _newer(server: Server) -> Server:
    claim = replace(server.mark.claim, run="run-3", at=server.mark.claim.at + timedelta(minutes=1))
    return replace(server, id="another", mark=replace(server.mark, claim=claim))


async def test_cloud_that_is_away_for_a_while_is_waited_for() -> None:
    ready = servers("ACTIVE")
    outcome = await followed(watch(ready), TransientError("away"), TransientError("away"), snapshot(ready))
    assert len(outcome.healthy) == 1


async def test_cloud_that_stays_away_ends_when_the_time_is_up() -> None:
    building = servers("BUILD")
    outcome = await followed(watch(building, seconds=0.05), TransientError("away"))
    assert "it does not exist" in outcome.failed[building[0].id]


async def test_login_that_is_refused_ends_the_wait() -> None:
    with pytest.raises(OpenstackError, match="the login has expired"):
        await followed(watch(servers("BUILD")), OpenstackError("the login has expired"))


@pytest.fixture
async def page() -> AsyncIterator[int]:
    """The port of a server that answers 204 to /up, and 503 to the rest."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        status = "204 No Content" if b" /up " in line else "503 Down"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_health_is_what_the_spec_asks_for(page: int) -> None:
    assert await answer("127.0.0.1", ServerHealth(port=page)) == ""
    assert await answer("127.0.0.1", ServerHealth(port=page, path="/up", status=204)) == ""
    down = await answer("127.0.0.1", ServerHealth(port=page, path="/"))
    assert down == f"http://127.0.0.1:{page}/ answers 503, not 200"
    assert "port 1 of 127.0.0.1" in await answer("127.0.0.1", ServerHealth(port=1))
    assert await answer("", ServerHealth(port=1)) == "it has no address"


async def test_server_that_does_not_answer_has_its_time_and_says_what_it_answered(page: int) -> None:
    ready = servers("ACTIVE")
    asks = ServerHealth(port=page, path="/", within_seconds=1)
    outcome = await followed(watch(ready, asks), snapshot(ready))
    assert "did not answer as expected within 1 s" in outcome.failed[ready[0].id]
    assert "answers 503, not 200" in outcome.failed[ready[0].id]
