"""Whether a node's application answers, asked at the node's own address."""

from __future__ import annotations

import asyncio
import time

import httpx

from slipway.flow.ironic import NodeHealth

ASK_SECONDS, PAUSE_SECONDS = 5.0, 1.0


async def answers(address: str, health: NodeHealth) -> str:
    """Wait until the node answers as it should; return why it did not ("" when it did)."""
    deadline = time.monotonic() + health.within_seconds
    while said := await _ask(address, health):
        if time.monotonic() > deadline:
            return f"health: it did not answer within {health.within_seconds} s (the last time: {said})"
        await asyncio.sleep(PAUSE_SECONDS)
    return ""


async def _ask(address: str, health: NodeHealth) -> str:
    """Ask once; return what is wrong with the answer, "" when nothing is."""
    if not address:
        return "it has no address"
    place = f"[{address}]" if ":" in address else address
    if health.path is None:
        return await _connect(address, health.port)
    url = f"http://{place}:{health.port}{health.path}"
    try:
        async with (
            httpx.AsyncClient(timeout=ASK_SECONDS, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            status = answer.status_code
    except httpx.HTTPError as error:
        return f"{url}: {error or type(error).__name__}"
    return "" if status == health.status else f"{url} answers {status}, not {health.status}"


async def _connect(address: str, port: int) -> str:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), ASK_SECONDS)
    except (OSError, TimeoutError) as error:
        return f"port {port} of {address}: {error or type(error).__name__}"
    writer.close()
    return ""
