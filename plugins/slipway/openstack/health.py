"""Whether a server or a machine answers, asked at its own address."""

from __future__ import annotations

import asyncio

import httpx

from slipway.flow.ironic.spec import NodeHealth
from slipway.flow.nova.spec import ServerHealth

ASK_SECONDS = 5.0


async def answer(address: str, health: ServerHealth | NodeHealth) -> str:
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
            client.stream("GET", url) as response,
        ):
            status = response.status_code
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
