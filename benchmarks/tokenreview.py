"""The token webhook: cached, uncached against a bare validation, and under a flood. On the lab's Keystone."""

from __future__ import annotations

import asyncio
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx

from benchmarks.result import Result
from benchmarks.servers import variables

CACHED, UNCACHED, FLOOD_SECONDS, FLOOD_RATE = 500, 60, 5, 1000


def run() -> Iterator[Result]:
    """Measure; nothing of the lab is changed."""
    yield from asyncio.run(_measure(variables()))


async def _measure(known: dict[str, str]) -> list[Result]:
    keystone = known["SLIPWAY_OPENSTACK_URL"]
    async with _counting(keystone) as (counted, seen), _webhook(counted) as url:
        login = {
            "id": known["SLIPWAY_OPENSTACK_CREDENTIAL_ID"],
            "secret": known["SLIPWAY_OPENSTACK_CREDENTIAL_SECRET"],
        }
        return [
            await _cached(url, await _token(keystone, login), seen),
            await _uncached(keystone, login),
            await _flood(url, seen),
        ]


async def _cached(url: str, token: str, seen: list[int]) -> Result:
    async with aiohttp.ClientSession() as client:
        await _review(client, url, token)
        before, samples = seen[0], []
        for _ in range(CACHED):
            begun = time.perf_counter()
            assert await _review(client, url, token)
            samples.append(time.perf_counter() - begun)
    return Result(
        name="tokenreview_cached",
        claim=f"TokenReview of a cached token over loopback, middle of {CACHED}",
        peer="",
        slipway_seconds=[statistics.median(samples) * 1000],
        measure="seconds",
        limit=3,
        unit="ms",
        notes=[f"Keystone was asked {seen[0] - before} times"] if seen[0] != before else [],
    )


async def _uncached(keystone: str, login: dict[str, str]) -> Result:
    """New tokens by turns: one validated at Keystone itself, the next through the webhook."""
    bare, ours = [], []
    async with _webhook(keystone) as url, aiohttp.ClientSession() as client:
        for _ in range(UNCACHED):
            token, other = await _token(keystone, login), await _token(keystone, login)
            headers = {"X-Auth-Token": token, "X-Subject-Token": token}
            begun = time.perf_counter()
            async with client.get(f"{keystone}/auth/tokens?nocatalog", headers=headers) as answer:
                await answer.read()
            bare.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            assert await _review(client, url, other)
            ours.append(time.perf_counter() - begun)
    return Result(
        name="tokenreview_uncached",
        claim="TokenReview of a token that is not cached",
        peer="bare validation at Keystone",
        slipway_seconds=ours,
        peer_seconds=bare,
        measure="ratio",
        limit=1.3,
    )


async def _flood(url: str, seen: list[int]) -> Result:
    """Send tokens that nobody gave out, as many a second as were claimed."""
    before, begun = seen[0], time.perf_counter()
    connections = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connections) as client:
        sent = 0
        while (now := time.perf_counter() - begun) < FLOOD_SECONDS:
            due = int(now * FLOOD_RATE) - sent
            reviews = [
                _review(client, url, "gAAAAA" + secrets.token_urlsafe(120)) for _ in range(max(due, 1))
            ]
            assert not any(await asyncio.gather(*reviews))
            sent += len(reviews)
        seconds = time.perf_counter() - begun
    rate = sent / seconds
    return Result(
        name="tokenreview_flood",
        claim=f"requests at Keystone a second while {rate:.0f} invalid tokens a second come",
        peer="",
        slipway_seconds=[(seen[0] - before) / seconds],
        measure="seconds",
        limit=9,
        unit="a second",
        notes=[f"only {rate:.0f} a second were taken"] if rate < FLOOD_RATE * 0.9 else [],
    )


async def _review(client: aiohttp.ClientSession, url: str, token: str) -> bool:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    async with client.post(url, json=body) as answer:
        found: dict[str, Any] = await answer.json()
    return bool(found["status"]["authenticated"])


async def _token(keystone: str, login: dict[str, str]) -> str:
    identity = {"methods": ["application_credential"], "application_credential": login}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(f"{keystone}/auth/tokens", json={"auth": {"identity": identity}})
    return str(answer.raise_for_status().headers["X-Subject-Token"])


@asynccontextmanager
async def _counting(keystone: str) -> AsyncIterator[tuple[str, list[int]]]:
    """Stand before Keystone and count; every answer is Keystone's."""
    from aiohttp import web

    seen = [0]

    async def forward(request: web.Request) -> web.Response:
        seen[0] += 1
        kept = {name: request.headers[name] for name in ("X-Auth-Token", "X-Subject-Token")}
        async with client.get(f"{keystone}{request.path_qs}", headers=kept) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), content_type="application/json"
            )

    app = web.Application()
    app.router.add_get("/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    port = _port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with aiohttp.ClientSession() as client:
            yield f"http://127.0.0.1:{port}", seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _webhook(keystone: str) -> AsyncIterator[str]:
    """Run ``slipway keystone-auth``, as an administrator would."""
    listen = f"127.0.0.1:{_port()}"
    command = [sys.executable, "-m", "slipway.cli", "keystone-auth"]
    process = subprocess.Popen(  # noqa: ASYNC220
        [*command, f"--listen={listen}", f"--auth-url={keystone}"], stderr=subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            for _ in range(200):
                try:
                    await client.get(f"http://{listen}/slipway/keystone/healthz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield f"http://{listen}/slipway/keystone/tokenreviews"
    finally:
        process.terminate()
        process.wait(20)


def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
