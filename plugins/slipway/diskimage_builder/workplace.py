"""A worker's folder for one build, named by its run: a retry finds and clears what an earlier try left."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from slipway.config import work_dir
from slipway.diskimage_builder.loops import detach


@dataclass(frozen=True)
class Workplace:
    """The folder of one build.

    :param root: of the worker's builds.
    :param name: derived from the build's run.
    :param owner: ``TENANT/APPLICATION``; what elements fetch is kept for its later builds only.
    """

    root: Path
    name: str
    owner: str

    @property
    def folder(self) -> Path:
        """What this build has for itself."""
        return self.root / "builds" / self.name

    @property
    def output(self) -> Path:
        """Where diskimage-builder leaves the image."""
        return self.folder / "output"

    @property
    def cache(self) -> Path:
        """What elements keep of what they fetched (``DIB_IMAGE_CACHE``)."""
        return self.root / "dib-cache" / self.owner

    def prepare(self) -> None:
        """Make the folder; what an earlier try left half-made is removed."""
        self._clear()
        for name in ("output", "tmp"):
            (self.folder / name).mkdir(parents=True)
        (self.cache / "locks").mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        """Remove what this build has for itself."""
        self._clear()
        self.folder.with_name(f"{self.folder.name}.lock").unlink(missing_ok=True)

    def _clear(self) -> None:
        if self.folder.exists():
            detach(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)

    def find(self, path: str) -> Path | None:
        """Return the file that was built for ``path`` in the image registry, while it is still here."""
        file = self.output / path.rpartition("/")[2]
        return file if file.is_file() else None


def workplace(name: str, owner: str) -> Workplace:
    """Return the folder of the build called ``name`` on this worker."""
    return Workplace(work_dir(), name, owner)
