"""The body of a request that sends a stream, as ``requests`` takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Body:
    """Sends chunks under an announced length; the far side knows then when it has not got them all.

    It is read once: a client that starts a request anew would send the rest and call it the whole.
    ``requests`` asks for the length, and sends what it iterates over chunk by chunk, copying nothing.
    """

    def __init__(self, chunks: Iterable[bytes], size: int) -> None:
        self._chunks = chunks
        self._size = size
        self._taken = False

    def __len__(self) -> int:
        """Bytes announced."""
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """Take the chunks, once.

        :raises RuntimeError: the second time.
        """
        if self._taken:
            raise RuntimeError("a stream cannot be sent a second time")
        self._taken = True
        return iter(self._chunks)


def body(chunks: Iterable[bytes], size: int | None) -> Iterable[bytes]:
    """Return what ``requests`` sends: with its length, or in chunks where it is unknown."""
    return iter(chunks) if size is None else Body(chunks, size)
