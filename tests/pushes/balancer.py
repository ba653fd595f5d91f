"""One address before several servers: each connection goes to the next of them, or to one that takes it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread

HOST = "127.0.0.1"


@contextmanager
def balanced(port: int, servers: Sequence[int]) -> Iterator[None]:
    """Serve ``port`` of loopback until the block's end.

    :param servers: ports, of loopback, too.
    """
    loop, serving, over = asyncio.new_event_loop(), Event(), asyncio.Event()
    thread = Thread(target=_run, args=(loop, port, servers, serving, over), daemon=True)
    thread.start()
    assert serving.wait(10), f"port {port} is not served"
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


def _run(
    loop: asyncio.AbstractEventLoop, port: int, servers: Sequence[int], serving: Event, over: asyncio.Event
) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(_serve(port, servers, serving, over))


async def _serve(port: int, servers: Sequence[int], serving: Event, over: asyncio.Event) -> None:
    turns = itertools.cycle(range(len(servers)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(turns)
        await _pass_on(reader, writer, [*servers[first:], *servers[:first]])

    server = await asyncio.start_server(serve, HOST, port)
    serving.set()
    await over.wait()
    server.close()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, servers: Sequence[int]
) -> None:
    for port in servers:
        with suppress(OSError):
            from_server, to_server = await asyncio.open_connection(HOST, port)
            await asyncio.gather(_pump(reader, to_server), _pump(from_server, writer))
            return
    writer.transport.abort()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes; when nothing more comes, or can be passed on, say so."""
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.write_eof()
    except OSError:
        target.transport.abort()
