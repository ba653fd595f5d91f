"""A way to a server that counts what passes, and breaks off where a test wants it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread


@dataclass
class Proxy:
    """What passed, in bytes, and where to break off."""

    port: int
    cut_after: int | None = None
    """Bytes of one connection to the server after which it is cut."""
    cut_down_after: int | None = None
    """Bytes of one connection from the server after which it is cut."""
    hold_after: int | None = None
    """Bytes of one connection to the server after which nothing more passes until ``released``."""
    released: Event = field(default_factory=Event)
    to_server: int = 0
    to_client: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def count(self, size: int, *, up: bool) -> None:
        with self._lock:
            if up:
                self.to_server += size
            else:
                self.to_client += size

    def forget(self) -> None:
        """Count from 0 again."""
        with self._lock:
            self.to_server = self.to_client = 0


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """Pass connections on to ``host:port``."""
    listener = socket.create_server(("127.0.0.1", 0))
    state = Proxy(listener.getsockname()[1])
    Thread(target=_accept, args=(listener, (host, port), state), daemon=True).start()
    try:
        yield state
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept(listener: socket.socket, server: tuple[str, int], state: Proxy) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            there = socket.create_connection(server)
            Thread(target=_pump, args=(client, there, state, True), daemon=True).start()
            Thread(target=_pump, args=(there, client, state, False), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, state: Proxy, up: bool) -> None:
    passed = 0
    with suppress(OSError):
        while data := source.recv(65536):
            passed += len(data)
            state.count(len(data), up=up)
            if up and state.hold_after is not None and passed > state.hold_after:
                state.released.wait(60)
            limit = state.cut_after if up else state.cut_down_after
            if limit is not None and passed > limit:
                break
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
