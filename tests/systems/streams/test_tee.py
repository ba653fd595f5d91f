"""One reader, several sinks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator, Iterable

import pytest

from slipway.flow.record import SlipwayError
from slipway.streams.channel import DEPTH
from slipway.streams.hashes import Hashes
from slipway.streams.tee import Source, StreamError, tee

CHUNKS = [bytes([number]) * 1000 for number in range(50)]
WHOLE = b"".join(CHUNKS)


class Collected:
    """A sink that keeps what came."""

    def __init__(self) -> None:
        self.bytes = b""
        self.ended = False

    def __call__(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            self.bytes += chunk
        self.ended = True


class Broken(Exception):
    pass


def stream(chunks: Iterable[bytes] = CHUNKS) -> Generator[bytes, None, None]:
    yield from chunks


def breaking(after: int) -> Generator[bytes, None, None]:
    yield from CHUNKS[:after]
    raise Broken


def test_every_sink_gets_every_byte_and_the_hashes_are_right() -> None:
    sinks = Collected(), Collected(), Collected()
    found = tee(Source("a file", stream(), len(WHOLE)), *sinks, also=("md5", "sha1"))
    assert [sink.bytes for sink in sinks] == [WHOLE] * 3
    assert found == Hashes(
        sha256=hashlib.sha256(WHOLE).hexdigest(),
        sha512=hashlib.sha512(WHOLE).hexdigest(),
        size=len(WHOLE),
        others={"md5": hashlib.md5(WHOLE).hexdigest(), "sha1": hashlib.sha1(WHOLE).hexdigest()},
    )
    assert found.digest == f"sha256:{found.sha256}"
    assert found.find("md5") == hashlib.md5(WHOLE).hexdigest()
    assert found.find("blake2b") is None


def test_it_hashes_without_a_sink() -> None:
    assert tee(Source("a file", stream())).sha256 == hashlib.sha256(WHOLE).hexdigest()


def test_no_sink_has_it_all_before_the_source_proved_right() -> None:
    sink = Collected()

    def check(hashes: Hashes) -> None:
        assert hashes.sha256 == hashlib.sha256(WHOLE).hexdigest()
        raise SlipwayError("other bytes than were wanted")

    with pytest.raises(SlipwayError, match="other bytes than were wanted"):
        tee(Source("a file", stream(), len(WHOLE), check), sink)
    assert sink.bytes in {b"".join(CHUNKS[:count]) for count in range(len(CHUNKS))}
    assert not sink.ended


@pytest.mark.parametrize("size", [None, 0])
def test_nothing_at_all_is_no_image(size: int | None) -> None:
    sink = Collected()
    with pytest.raises(StreamError, match=r"a file: it is empty \(0 bytes\)\. Build the image again"):
        tee(Source("a file", stream([]), size), sink)
    assert not sink.ended


@pytest.mark.parametrize("announced", [len(WHOLE) + 1, len(WHOLE) - 1, 1])
def test_another_length_than_was_announced(announced: int) -> None:
    sink = Collected()
    with pytest.raises(StreamError, match=rf"a file: \d+ bytes came, but {announced} were announced"):
        tee(Source("a file", stream(), announced), sink)
    assert len(sink.bytes) < announced
    assert not sink.ended


def test_a_source_that_breaks_stops_the_sinks() -> None:
    sinks = Collected(), Collected()
    with pytest.raises(Broken):
        tee(Source("a file", breaking(30)), *sinks)
    assert not any(sink.ended for sink in sinks)


def test_a_sink_that_breaks_stops_the_source_and_the_other_sink() -> None:
    other = Collected()
    closed = threading.Event()

    def endless() -> Generator[bytes, None, None]:
        try:
            while True:
                yield b"x"
        finally:
            closed.set()

    def broken(chunks: Iterable[bytes]) -> None:
        for number, _ in enumerate(chunks):
            if number == 7:
                raise Broken

    with pytest.raises(Broken):
        tee(Source("a file", endless()), other, broken)
    assert closed.is_set()
    assert not other.ended


def test_a_sink_that_stops_early_is_found_out() -> None:
    def hasty(chunks: Iterable[bytes]) -> None:
        next(iter(chunks))

    with pytest.raises(StreamError, match="stopped before the stream's end"):
        tee(Source("a file", stream()), hasty)


def test_the_reader_is_at_most_a_queue_ahead_of_the_slowest_sink() -> None:
    taken, ahead = 0, []
    read = 0

    def counted() -> Generator[bytes, None, None]:
        nonlocal read
        for chunk in CHUNKS:
            read += 1
            yield chunk

    def slow(chunks: Iterable[bytes]) -> None:
        nonlocal taken
        for _ in chunks:
            ahead.append(read - taken)
            taken += 1

    tee(Source("a file", counted()), slow)
    assert taken == len(CHUNKS)
    assert max(ahead) <= DEPTH + 3  # the queue, the chunk held back, and one on either side of it


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    tee(Source("a file", stream()), Collected())
    with pytest.raises(Broken):
        tee(Source("a file", breaking(3)), Collected())
    assert threading.active_count() == before
