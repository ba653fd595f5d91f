"""A worker's folder for images: bases that were fetched, and what is being built.

Files are named by digests and by runs, so a retry finds what an earlier try left and cleans it up.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

FOLDER = "SLIPWAY_WORK_DIR"
"""Environment variable that names another folder than the default; it needs room for a few images."""
CACHE_GIB = "SLIPWAY_CACHE_GIB"
"""Environment variable: how much of it fetched bases may take together."""
_DEFAULT_GIB = 50


@dataclass(frozen=True)
class Workplace:
    """The folder of one build, below the worker's: ``name`` is derived from its run."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """What this build has for itself."""
        return self.root / "builds" / self.name

    @property
    def output(self) -> Path:
        """Where Packer writes; it makes the folder itself."""
        return self.folder / "output" / "image"

    @property
    def image(self) -> Path:
        """The image, once Packer has finished it."""
        return self.folder / "image"

    @property
    def variables(self) -> Path:
        """Values of the template's variables."""
        return self.folder / "variables" / "slipway.pkrvars.json"

    def base(self, digest: str) -> Path:
        """Return where the base with this digest is kept, for every build of this worker."""
        return self.root / "bases" / digest.replace(":", "-")

    def prepare(self) -> None:
        """Make the folder; what an earlier try left half-made is removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.root / "bases").mkdir(exist_ok=True)
        for folder in (self.output.parent, self.variables.parent):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def remove(self) -> None:
        """Remove what this build has for itself."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_room(self) -> list[str]:
        """Remove the bases that were not used for longest until the rest is small enough; return them."""
        bases = [path for path in (self.root / "bases").iterdir() if path.is_file()]
        bases.sort(key=lambda path: path.stat().st_atime, reverse=True)
        allowed, removed = int(os.environ.get(CACHE_GIB) or _DEFAULT_GIB) * 1024**3, []
        for path in bases:
            allowed -= path.stat().st_size
            if allowed < 0:
                path.unlink(missing_ok=True)
                removed.append(path.name)
        return removed


def workplace(name: str) -> Workplace:
    """Return the folder of the build called ``name`` on this worker."""
    home = os.environ.get("AIRFLOW_HOME") or Path.home() / "airflow"
    return Workplace(Path(os.environ.get(FOLDER) or Path(home, "slipway")), name)
