"""A short queue between the reader of a stream and one of its sinks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from threading import Condition

DEPTH = 4
"""Chunks that a sink may be behind the reader: what bounds the memory of a copy."""


class Abandoned(Exception):
    """The stream is given up; why is said by whom it failed first."""


class Channel:
    """Hands chunks from one thread to another; whoever waits is woken when the stream is given up."""

    def __init__(self, depth: int = DEPTH) -> None:
        self._depth = depth
        self._chunks: deque[bytes] = deque()
        self._changed = Condition()
        self._ended = False
        self._abandoned = False

    def put(self, chunk: bytes) -> None:
        """Hand over a chunk; waits while the sink is behind.

        :raises Abandoned: when the stream is given up.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or len(self._chunks) < self._depth)
            if self._abandoned:
                raise Abandoned
            self._chunks.append(chunk)
            self._changed.notify_all()

    def end(self) -> None:
        """Say that the last chunk was handed over."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Give the stream up: nothing more comes out, and nothing more goes in."""
        with self._changed:
            self._abandoned = True
            self._chunks.clear()
            self._changed.notify_all()

    @property
    def is_abandoned(self) -> bool:
        """Whether the stream was given up."""
        with self._changed:
            return self._abandoned

    @property
    def is_exhausted(self) -> bool:
        """Whether the sink took all there was."""
        with self._changed:
            return self._ended and not self._chunks

    def __iter__(self) -> Iterator[bytes]:
        """Take the chunks in turn.

        :raises Abandoned: when the stream is given up.
        """
        while (chunk := self._take()) is not None:
            yield chunk

    def _take(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or self._chunks or self._ended)
            if self._abandoned:
                raise Abandoned
            if not self._chunks:
                return None
            chunk = self._chunks.popleft()
            self._changed.notify_all()
            return chunk
