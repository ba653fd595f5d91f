"""A file of the worker, read and written as a stream."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import BinaryIO

from slipway.flow.record import SlipwayError
from slipway.streams.tee import CHUNK, Sink, Source


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, whatever a build may have left in its place.

    :raises SlipwayError: when it cannot be opened, or is no regular file.
    """
    try:
        # A link would lead anywhere on the worker; a pipe would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SlipwayError(
            f"{path.name} cannot be read: {error.strerror}. Check that the build made it, as a file."
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SlipwayError(f"{path.name} is not a regular file. Let the build write the image as a file.")
    return os.fdopen(descriptor, "rb")


def file_source(path: Path) -> Source:
    """Return a file as a source; its length is what it is now.

    :raises SlipwayError: as :func:`open_regular`.
    """
    file = open_regular(path)
    return Source(what=path.name, chunks=_chunks(file), size=os.fstat(file.fileno()).st_size)


def file_sink(path: Path) -> Sink:
    """Return a sink that makes ``path`` anew, readable by its owner alone, and brings it to the disk."""

    def write(chunks: Iterable[bytes]) -> None:
        new = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(new, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    return write


def _chunks(file: BinaryIO) -> Generator[bytes, None, None]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
