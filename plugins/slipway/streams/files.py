"""A file of the worker, read and written as a stream."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import BinaryIO

from slipway.flow.record import SlipwayError
from slipway.streams.tee import CHUNK, Sink, Source


def file_source(path: Path) -> Source:
    """Return a regular file as a source; its length is what it is now.

    :raises SlipwayError: when it cannot be opened, or is no regular file.
    """
    try:
        # A link that a build left in place of its image would lead anywhere on the worker.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise SlipwayError(
            f"{path.name} cannot be read: {error.strerror}. Did the build make it, as a file?"
        ) from error
    about = os.fstat(file.fileno())
    if not stat.S_ISREG(about.st_mode):
        file.close()
        raise SlipwayError(f"{path.name} is no regular file. Let the build leave the image as a file.")
    return Source(what=path.name, chunks=_chunks(file), size=about.st_size)


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
