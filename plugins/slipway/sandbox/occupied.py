"""A build's folder on a worker, for one try at a time: what is left of the one before has it as long."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.sandbox.errors import OccupiedError

WAIT_SECONDS = 180.0
"""Longer than a program that was interrupted has to tidy up."""
_STEP_SECONDS = 0.1


@contextmanager
def occupied(folder: Path) -> Iterator[int]:
    """Have ``folder`` for oneself; yields a descriptor that keeps the next try out while anyone holds it.

    :raises OccupiedError: when the try before does not end.
    """
    lock = folder.with_name(f"{folder.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with lock.open("w") as file:
            _take(file.fileno(), folder.name, deadline)
            if not _is(file.fileno(), lock):
                continue  # who had it before has removed the file, and another may have made it anew
            try:
                yield file.fileno()
            finally:
                lock.unlink(missing_ok=True)
            return


def _take(lock: int, name: str, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OccupiedError(f"an earlier try of {name} is still cleaning up on this worker") from None
            time.sleep(_STEP_SECONDS)


def _is(lock: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False
