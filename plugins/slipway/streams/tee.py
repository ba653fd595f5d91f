"""One reader, several sinks side by side: every byte is read once, hashed, and held for a moment only.

The sinks' last chunk is held back until the source was read to its end and proved right: an upload of
announced length, or in chunks, cannot be complete before that.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from threading import Lock, Thread

from slipway.flow.record import SlipwayError
from slipway.streams.channel import Abandoned, Channel
from slipway.streams.hashes import ALGORITHMS, Hasher, Hashes
from slipway.streams.progress import Progress

CHUNK = 1024**2
"""Bytes that a source hands on at a time."""
GRACE_SECONDS = 60
"""How long a sink may take to notice that the stream was given up: a request's own timeout."""

Sink = Callable[[Iterable[bytes]], object]
"""Takes every chunk, in a thread of its own; what it raises stops the whole stream."""


class StreamError(SlipwayError):
    """The stream broke a rule that its two sides agreed on."""


def _accept(_: Hashes) -> None:
    pass


@dataclass(frozen=True)
class Source:
    """Bytes to be read once."""

    what: str
    """In words, for the log."""
    chunks: Generator[bytes, None, None]
    size: int | None = None
    """As announced; None when unknown."""
    check: Callable[[Hashes], None] = field(default=_accept)
    """Called when all was read, before any sink has it all; raises when these are not the right bytes."""


def tee(source: Source, *sinks: Sink, guards: Sequence[Sink] = (), also: Sequence[str] = ()) -> Hashes:
    """Read ``source`` into every sink; returns the hashes of what passed.

    :param guards: see everything before any of ``sinks`` has it all, and raise when it shall not.
    :param also: algorithms besides :data:`.ALGORITHMS`.
    :raises StreamError: when the source is empty or not as long as announced, or a sink stops early.
    :raises Exception: whatever the source, its check or a sink raised first; the others are stopped.
    """
    hashers = {algorithm: Hasher(algorithm) for algorithm in (*ALGORITHMS, *also)}
    flow = _Flow()
    first: list[Sink] = [*hashers.values(), *guards]
    ahead = [_Running(flow, sink) for sink in first]
    running = [_Running(flow, sink) for sink in sinks]
    progress = Progress(source.what, source.size)
    try:
        last = _pass_on(source, ahead, running, progress)
        for one in ahead:
            one.end()
        found = _hashes(hashers)
        _check(source, found)
        _put(running, last)
        for one in running:
            one.end()
    except BaseException as error:
        flow.fail(error)
        for one in (*ahead, *running):
            one.thread.join(GRACE_SECONDS)
        raise flow.error from None
    progress.done()
    return found


def _pass_on(
    source: Source, ahead: Sequence[_Running], running: Sequence[_Running], progress: Progress
) -> bytes:
    """Hand every chunk on but the last, which is returned."""
    last = b""
    with closing(source.chunks) as chunks:
        for chunk in chunks:
            progress.add(len(chunk))
            if source.size is not None and progress.bytes > source.size:
                # More than was announced would be taken for the next request on the same connection.
                raise _other_size(source, progress.bytes)
            _put(ahead, chunk)
            _put(running, last)
            last = chunk
    return last


def _hashes(hashers: Mapping[str, Hasher]) -> Hashes:
    found = {algorithm: hasher.hexdigest for algorithm, hasher in hashers.items()}
    return Hashes(
        sha256=found.pop("sha256"),
        sha512=found.pop("sha512"),
        size=hashers["sha256"].size,
        others=found,
    )


def _put(running: Sequence[_Running], chunk: bytes) -> None:
    if chunk:
        for one in running:
            one.channel.put(chunk)


def _check(source: Source, found: Hashes) -> None:
    if not found.size:
        raise StreamError(f"{source.what}: it is empty (0 bytes). Build the image again.")
    if source.size is not None and source.size != found.size:
        raise _other_size(source, found.size)
    source.check(found)


def _other_size(source: Source, came: int) -> StreamError:
    return StreamError(
        f"{source.what}: {came} bytes came, but {source.size} were announced. The file may have changed; "
        "start the run again."
    )


class _Flow:
    """The shared state of one stream's threads: the first failure, which stops them all."""

    def __init__(self) -> None:
        self.error: BaseException = Abandoned()
        self._failed = False
        self._lock = Lock()
        self._channels: list[Channel] = []

    def join(self, channel: Channel) -> None:
        self._channels.append(channel)

    def fail(self, error: BaseException) -> None:
        with self._lock:
            if not self._failed:
                self._failed, self.error = True, error
        for channel in self._channels:
            channel.abandon()


class _Running:
    """A sink at work."""

    def __init__(self, flow: _Flow, sink: Sink) -> None:
        self.channel = Channel()
        flow.join(self.channel)
        self._flow = flow
        self._sink = sink
        # A thread that hangs shall not keep a worker from ending.
        self.thread = Thread(target=self._run, name="slipway-sink", daemon=True)
        self.thread.start()

    def end(self) -> None:
        """Wait until the sink has done all of its work.

        :raises Abandoned: when it failed.
        """
        self.channel.end()
        self.thread.join()
        if self.channel.is_abandoned:
            raise Abandoned

    def _run(self) -> None:
        try:
            self._sink(self.channel)
            if not self.channel.is_exhausted:
                raise StreamError("a sink stopped before the stream's end: start the run again")
        except BaseException as error:
            self._flow.fail(error)
