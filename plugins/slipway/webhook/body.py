"""Reads a request's body: at most a limit of each, of all as much as there is room for, and no trickle."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from slipway.webhook.budget import REQUEST_BYTES, BudgetError, Held

BODY_SECONDS = 30.0
SLOW_SECONDS = 5.0
SLOW_BYTES = 320 * 1024
"""This much of a body arrives within :data:`SLOW_SECONDS`, or all that is left of it."""
BUSY = "too many requests at once: there is no room for the body. Send it again in a moment"
BUSY_SECONDS = 10
SLOW = "the body arrived too slowly: at least {} bytes, or the rest, every {:g} seconds, and all in {:g}"


class BodyError(Exception):
    """The body was not read."""

    def __init__(self, status: int, reason: str, retry_after: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class _Pace:
    """Moves a time limit on with what arrives."""

    def __init__(self, patience: asyncio.Timeout) -> None:
        self._clock = asyncio.get_running_loop().time
        self._end = self._clock() + BODY_SECONDS
        self._patience = patience
        self._bytes = 0

    def arrived(self, size: int, waited: bool) -> None:
        """Count ``size`` bytes; what this side waited for is not the sender's fault."""
        self._bytes += size
        if waited or self._bytes >= SLOW_BYTES:
            self._bytes = 0
            self._patience.reschedule(min(self._clock() + SLOW_SECONDS, self._end))


async def read_body(request: Request, limit: int, held: Held) -> bytes:
    """Read a request's body.

    :param limit: bytes; nothing more is read when there would be more.
    :param held: grows with what is read; it is given back when the body is not read to its end.
    :raises BodyError: when it is too large, too slow, or breaks off, and when there is no room for it.
    """
    try:
        return await _read(request, limit, held)
    except BaseException:
        held.release()
        raise


async def _read(request: Request, limit: int, held: Held) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
        raise BodyError(413, f"the body is {announced[:20]} bytes; at most {limit} are read")
    parts, size = [], 0
    try:
        async with asyncio.timeout(SLOW_SECONDS) as patience:
            pace = _Pace(patience)
            pace.arrived(0, await held.grow(REQUEST_BYTES))
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise BodyError(413, f"the body is over {limit} bytes; no more are read")
                pace.arrived(len(part), await held.grow(len(part)))
                parts.append(part)
    except BudgetError:
        raise BodyError(503, BUSY, BUSY_SECONDS) from None
    except TimeoutError:
        raise BodyError(408, SLOW.format(SLOW_BYTES, SLOW_SECONDS, BODY_SECONDS)) from None
    except ClientDisconnect:
        raise BodyError(400, "the sender hung up before the body's end") from None
    return b"".join(parts)
