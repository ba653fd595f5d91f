"""Content by its SHA-256, on disk: ``filestore/ab/abcd...``, each written aside and renamed when complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.artifactory.checksums import Checksums, Digester


class Spool:
    """Content that is still coming in; at no time in memory as a whole."""

    def __init__(self, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=folder)
        self.path = Path(name)
        self.size = 0
        self._file = os.fdopen(descriptor, "wb")
        self._digester = Digester()

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self._file.write(data)
        self._digester.update(data)
        self.size += len(data)

    def finish(self) -> Checksums:
        """Bring it to the disk and return its checksums."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._digester.checksums()

    def discard(self) -> None:
        """Forget it, unless it was taken in."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class Filestore:
    """The folder that content is kept in."""

    def __init__(self, root: Path) -> None:
        self._kept = root / "filestore"
        self._incoming = root / "incoming"
        self._kept.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)
        for left in self._incoming.iterdir():  # by uploads that a crash cut off
            left.unlink()

    def spool(self) -> Spool:
        """Open a place for content to come in."""
        return Spool(self._incoming)

    def path(self, sha256: str) -> Path:
        """Return where content is, or would be."""
        return self._kept / sha256[:2] / sha256

    def take(self, spool: Spool, sha256: str) -> None:
        """Keep a finished spool's content."""
        target = self.path(sha256)
        target.parent.mkdir(exist_ok=True)
        spool.path.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def drop(self, sha256: str) -> None:
        """Forget content."""
        self.path(sha256).unlink(missing_ok=True)

    def everything(self) -> Iterator[str]:
        """Go through the SHA-256 of all content."""
        for folder in self._kept.iterdir():
            yield from (kept.name for kept in folder.iterdir())
