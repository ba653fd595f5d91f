"""The folders that every kind of build has on its worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BuildWorkplace:
    """The folder of one build.

    :param root: of the worker's builds.
    :param name: derived from the build's run.
    """

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """What this build has for itself."""
        return self.root / "builds" / self.name

    @property
    def checkout(self) -> Path:
        """Where the commit goes."""
        return self.folder / "checkout"

    @property
    def scratch(self) -> Path:
        """Temporary files: of the builder, or of the machine that tries the image."""
        return self.folder / "scratch"

    @property
    def images(self) -> Path:
        """Images that are being tried, by their digests; for every build of this worker."""
        return self.root / "images"
