"""Waits until a node's application answers."""

from __future__ import annotations

import asyncio
import time

from slipway.flow.ironic.spec import NodeHealth
from slipway.openstack.health import answer

PAUSE_SECONDS = 1.0


async def answers(address: str, health: NodeHealth) -> str:
    """Wait until the node answers as expected; return why it did not ("" when it did)."""
    deadline = time.monotonic() + health.within_seconds
    while said := await answer(address, health):
        if time.monotonic() > deadline:
            return f"health: it did not answer within {health.within_seconds} s (the last time: {said})"
        await asyncio.sleep(PAUSE_SECONDS)
    return ""
