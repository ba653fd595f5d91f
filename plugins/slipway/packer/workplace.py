"""A worker's folder for images: bases that were fetched, and what is being built.

A build's folder is named after its run, so a retry finds what an earlier try left and clears it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.config import work_dir
from slipway.sandbox.occupied import occupied
from slipway.sandbox.workplace import BuildWorkplace


class PackerWorkplace(BuildWorkplace):
    """The folder of one build; Packer has ``scratch`` for its ``/tmp``."""

    @property
    def bases(self) -> Path:
        """Bases, by their digests, for every build of this worker."""
        return self.root / "bases"

    @property
    def writable(self) -> Path:
        """The folder that Packer may write to."""
        return self.folder / "output"

    @property
    def output(self) -> Path:
        """The folder that the template's builder makes for its image."""
        return self.writable / "image"

    @property
    def given(self) -> Path:
        """The files that Packer may read: the login of its machine, and the values of variables."""
        return self.folder / "given"

    @property
    def seed(self) -> Path:
        """A NoCloud seed that lets :attr:`key` into the machine."""
        return self.given / "seed"

    @property
    def key(self) -> Path:
        """The private half of the machine's login."""
        return self.given / "ssh_key"

    @contextmanager
    def occupied(self) -> Iterator[int]:
        """Have the folder for oneself, empty at first and gone afterwards; yields its lock's descriptor.

        Whoever is given the descriptor keeps the next try out for as long: a Packer that tidies up after the
        one before died.

        :raises OccupiedError: when the one before does not end.
        """
        with occupied(self.folder) as lock:
            self._make()
            try:
                yield lock
            finally:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in (self.checkout, self.writable, self.scratch, self.given, self.bases, self.images):
            folder.mkdir(parents=True, exist_ok=True)


def workplace(name: str) -> PackerWorkplace:
    """Return the folder of the build called ``name`` on this worker."""
    return PackerWorkplace(work_dir(), name)
