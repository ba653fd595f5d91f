"""A temporary folder that others can tell to be in use: its process holds a lock of the kernel's on it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT_PREFIX = "slipway-checkout-"


@contextmanager
def temporary(within: Path | None = None) -> Iterator[Path]:
    """Have a temporary folder, gone afterwards; what a process leaves that is killed is found by its lock.

    :param within: the folder it is made in; the machine's own for such when absent.
    """
    with TemporaryDirectory(prefix=CHECKOUT_PREFIX, dir=within) as name, held(Path(name)):
        yield Path(name)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of a file or folder.

    :raises BlockingIOError: when another process holds it.
    :raises FileNotFoundError: when there is none.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
