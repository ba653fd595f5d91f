"""Leftovers of builds on this machine: their folders with their loop devices, and checkouts.

A process that works in a folder holds a lock of the kernel's, which ends with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from slipway.flow.orphans import Trace, is_build_name
from slipway.flow.record import TransientError
from slipway.worker.folders import CHECKOUT_PREFIX, held

FOLDER, DEVICE, CHECKOUT = "build folder", "loop device", "checkout"
BACKING_FILES = "/sys/block/loop*/loop/backing_file"


@dataclass(frozen=True)
class WorkerTraces:
    """The leftovers on this machine.

    :param work: the folder of images in the making.
    :param detach: takes away the loop devices upon a folder's files, also when the folder is gone.
    """

    work: Path
    detach: Callable[[Path], object]

    @property
    def name(self) -> str:
        """The machine's."""
        return socket.gethostname()

    def find(self) -> Iterator[Trace]:
        """Yield builds' folders, those that are gone but for a loop device, and checkouts left behind."""
        builds = self.work / "builds"
        for path in _folders(builds):
            if is_build_name(path.name):
                yield from self._trace(FOLDER, path)
        for path in _folders_behind_devices(builds):
            if is_build_name(path.name) and not path.exists():
                yield from self._trace(DEVICE, path)
        for path in _folders(Path(tempfile.gettempdir())):
            if path.name.startswith(CHECKOUT_PREFIX):
                yield from self._trace(CHECKOUT, path)

    def remove(self, trace: Trace) -> bool:
        """Remove a folder, and the devices upon it, unless someone works in it; says whether it is gone.

        :raises TransientError: when a part of it stays.
        """
        path = Path(trace.id)
        try:
            with held(_lock_of(trace.kind, path)):
                if trace.kind == CHECKOUT:
                    shutil.rmtree(path)
                    return True
                self.detach(path)
                if path.exists():
                    shutil.rmtree(path)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return True
        except OSError as error:
            raise TransientError(f"{trace.kind} {path}: {error.strerror}") from error
        _lock_of(trace.kind, path).unlink(missing_ok=True)
        return True

    def _trace(self, kind: str, path: Path) -> Iterator[Trace]:
        """Yield it, unless it ended meanwhile or is another user's checkout."""
        try:
            about = path.stat()
        except FileNotFoundError:
            about = None
        if kind == CHECKOUT and (about is None or about.st_uid != os.geteuid()):
            return
        # The start of the epoch for a folder that is gone: it is unknown since when its device is alone.
        changed = about.st_mtime if about else 0
        if kind == FOLDER and about is None:
            return
        yield Trace(
            place=self.name,
            kind=kind,
            id=str(path),
            name=path.name,
            made=datetime.fromtimestamp(changed, UTC),
            used_by="" if _is_free(kind, path) else "a process of this machine",
            local=True,
        )


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        yield from sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())


def _folders_behind_devices(builds: Path) -> Iterator[Path]:
    found = set()
    for backing in Path("/").glob(BACKING_FILES.lstrip("/")):
        with suppress(OSError):  # detached meanwhile
            file = Path(backing.read_text().strip().removesuffix(" (deleted)"))
            if file.is_relative_to(builds) and file != builds:
                found.add(builds / file.relative_to(builds).parts[0])
    yield from sorted(found)


def _lock_of(kind: str, path: Path) -> Path:
    """Return what is locked while someone works: a checkout itself; beside a build's folder, a file."""
    if kind == CHECKOUT:
        return path
    lock = path.with_name(f"{path.name}.lock")
    lock.touch()
    return lock


def _is_free(kind: str, path: Path) -> bool:
    try:
        with held(_lock_of(kind, path)):
            return True
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
