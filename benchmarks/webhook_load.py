"""Signed deliveries, as GitHub sends them: as fast as they are answered, or so many a second."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

REPOSITORIES = tuple(f"bench/application-{number}" for number in range(50))
SECRET = "it-is-the-benchmark's"
AT_ONCE = 8
GITHUB_SECONDS = 10
"""GitHub's patience."""


@dataclass(frozen=True)
class Receiver:
    """Who takes deliveries, and where."""

    name: str
    url: str


@dataclass(frozen=True)
class Delivery:
    """Body and headers of one push."""

    body: bytes
    headers: dict[str, str]


def deliveries(number: int) -> Iterator[Delivery]:
    """Yield pushes of new commits, over all repositories in turn, of the size that GitHub's usually have."""
    for one in range(number):
        commit = uuid.uuid4().hex + "0" * 8
        repository = REPOSITORIES[one % len(REPOSITORIES)]
        payload = {
            "ref": "refs/heads/main",
            "before": "0" * 40,
            "after": commit,
            "deleted": False,
            "repository": {"full_name": repository, "default_branch": "main"},
            "pusher": {"name": "benchmark"},
            "head_commit": {"id": commit, "message": "x" * 6000},
        }
        body = json.dumps(payload).encode()
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        yield Delivery(
            body,
            {
                "Content-Type": "application/json",
                "X-GitHub-Event": "push",
                "X-GitHub-Delivery": str(uuid.uuid4()),
                "X-Hub-Signature-256": f"sha256={digest}",
            },
        )


async def rate(receiver: Receiver, number: int) -> float:
    """Return how many deliveries a second are answered with 2xx, :data:`AT_ONCE` at a time."""
    made = list(deliveries(number))
    left = iter(made)
    async with _session() as session:

        async def worker() -> None:
            for delivery in left:
                await _send(session, receiver, delivery)

        begun = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        return number / (time.perf_counter() - begun)


async def latencies(receiver: Receiver, a_second: int, seconds: int) -> list[float]:
    """Return the seconds from when each delivery was due to its answer, however late it could be sent."""
    made = list(deliveries(a_second * seconds))
    async with _session() as session:
        begun = time.perf_counter()

        async def timed(place: int, delivery: Delivery) -> float:
            due = begun + place / a_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await _send(session, receiver, delivery)
            return time.perf_counter() - due

        return await asyncio.gather(*(timed(place, one) for place, one in enumerate(made)))


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=64)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(GITHUB_SECONDS))


async def _send(session: aiohttp.ClientSession, receiver: Receiver, delivery: Delivery) -> None:
    async with session.post(receiver.url, data=delivery.body, headers=delivery.headers) as answer:
        text = await answer.text()
        if answer.status >= 300:
            raise RuntimeError(f"{receiver.name} answered {answer.status}: {text[:500]}")
