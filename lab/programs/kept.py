"""Sets of programs in the lab's cache: there whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.server import LabError

Make = Callable[["ProgramSet", Path], None]
"""Puts every program of a set into ``<folder>/bin``; whatever else it needs is below that folder too."""


@dataclass(frozen=True)
class ProgramSet:
    """Programs that are built together and replaced together."""

    name: str
    version: str
    programs: tuple[str, ...]

    def __str__(self) -> str:
        """As people call it."""
        return f"{self.name} {self.version}"

    def missing_in(self, folder: Path) -> list[str]:
        """Return those of its programs that are not in ``folder``."""
        return [program for program in self.programs if not (folder / program).is_file()]

    def find(self, cache: Path) -> Path | None:
        """Return the cache's folder of them, or None when one of them is missing there."""
        folder = self._kept(cache) / "bin"
        return None if self.missing_in(folder) else folder

    def ensure(self, cache: Path, make: Make) -> Path:
        """Return the cache's folder of them; when it is not there, ``make`` makes it.

        Of several that ask at once the first makes it. What a killed one left is removed.

        :raises LabError: when ``make`` fails, or leaves a program out.
        """
        cache.mkdir(parents=True, exist_ok=True)
        with self._alone(cache):
            return self.find(cache) or self._make(cache, make)

    def _make(self, cache: Path, make: Make) -> Path:
        work, target = cache / f".{self.name}-{self.version}.making", self._kept(cache)
        remove_tree(work)
        (work / "bin").mkdir(parents=True)
        try:
            make(self, work)
            missing = self.missing_in(work / "bin")
            if missing:
                lacks = ", ".join(missing)
                raise LabError(f"{self} was built without {lacks}; remove {target} and try again")
            aside = cache / f".{self.name}-{self.version}.made"
            remove_tree(aside)
            aside.mkdir()
            (work / "bin").rename(aside / "bin")
            remove_tree(target)
            aside.rename(target)
        finally:
            remove_tree(work)
        return target / "bin"

    def _kept(self, cache: Path) -> Path:
        return cache / f"{self.name}-{self.version}"

    @contextmanager
    def _alone(self, cache: Path) -> Iterator[None]:
        with (cache / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def remove_tree(folder: Path) -> None:
    """Remove ``folder``; Go's modules are in folders that may not be written to."""
    shutil.rmtree(folder, ignore_errors=True)
