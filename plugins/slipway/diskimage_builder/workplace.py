"""A worker's folder for one build, named by its run: a retry finds and clears what an earlier try left."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slipway.config import work_dir
from slipway.diskimage_builder.loops import detach
from slipway.sandbox.occupied import occupied
from slipway.sandbox.workplace import BuildWorkplace

UNUSED_SECONDS = 30 * 24 * 3600
"""What no build has read in this time leaves the cache of its application."""


@dataclass(frozen=True)
class DiskimageWorkplace(BuildWorkplace):
    """The folder of one build.

    :param owner: ``TENANT/APPLICATION``; what elements fetch is kept for its later builds only.
    """

    owner: str

    @property
    def work(self) -> Path:
        """What diskimage-builder and its elements may write to."""
        return self.folder / "work"

    @property
    def output(self) -> Path:
        """Where diskimage-builder leaves the image."""
        return self.work / "output"

    @property
    def cache(self) -> Path:
        """What elements keep of what they fetched (``DIB_IMAGE_CACHE``)."""
        return self.root / "dib-cache" / self.owner

    @contextmanager
    def occupied(self) -> Iterator[int]:
        """Have the folder for oneself, empty at first and gone afterwards; yields its lock's descriptor.

        :raises OccupiedError: when an earlier try does not end.
        """
        with occupied(self.folder) as lock:
            self._clear()
            for folder in (self.checkout, self.output, self.work, self.scratch, self.images):
                folder.mkdir(parents=True, exist_ok=True)
            (self.cache / "locks").mkdir(parents=True, exist_ok=True)
            _drop_unused(self.cache)
            try:
                yield lock
            finally:
                self._clear()

    def _clear(self) -> None:
        if self.folder.exists():
            detach(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)


def _drop_unused(folder: Path) -> None:
    for path in folder.rglob("*"):
        try:
            about = path.lstat()
            if not path.is_dir() and time.time() - max(about.st_atime, about.st_mtime) > UNUSED_SECONDS:
                path.unlink()
        except FileNotFoundError:  # another build was faster
            continue


def workplace(name: str, owner: str) -> DiskimageWorkplace:
    """Return the folder of the build called ``name`` on this worker."""
    return DiskimageWorkplace(work_dir(), name, owner)
