"""Carries one HTTP exchange to ``git http-backend`` (CGI) and back, streaming both ways.

https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CHUNK_BYTES = 64 * 1024


async def exchange(environment: Mapping[str, str], receive: Receive, send: Send) -> None:
    """Run the backend on one request: its body in, the response out as the backend writes it.

    The request's body is fed while the answer is read, so neither side has to be held in memory. A client
    that leaves takes the backend with it.
    """
    process = await asyncio.create_subprocess_exec(
        "git", "http-backend", stdin=PIPE, stdout=PIPE, env=dict(environment), limit=CHUNK_BYTES
    )
    feeding = asyncio.create_task(_feed(process, receive))
    try:
        await _answer(process, send)
        await process.wait()  # the push is over, its hook too, before the client hears the end
    finally:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding
        if process.returncode is None:
            process.kill()
            await process.wait()
    await send({"type": "http.response.body", "body": b""})


async def _feed(process: Process, receive: Receive) -> None:
    """Pass the request's body to the backend, then stay to end the backend should the client leave."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, ProcessLookupError):
        while (message := await receive())["type"] == "http.request":
            if process.stdin.is_closing():
                continue  # a backend that has read what it wanted may end before the body does
            process.stdin.write(message.get("body", b""))
            await process.stdin.drain()
            if not message.get("more_body", False):
                process.stdin.close()
        process.kill()


async def _answer(process: Process, send: Send) -> None:
    """Send the backend's CGI answer: a block of header lines, an empty line, the body (all but its end)."""
    assert process.stdout is not None
    status, headers = 200, []
    async for line in process.stdout:
        name, _, value = line.strip().partition(b":")
        if not name:
            break
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower(), value.strip()))
    else:
        status = 500  # it ended before its headers did; its own words are in this server's log
    await send({"type": "http.response.start", "status": status, "headers": headers})
    while chunk := await process.stdout.read(CHUNK_BYTES):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
