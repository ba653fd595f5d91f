"""One build of a module for several sets of programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from lab.programs.go_modules import GoBuild, GoModule
from lab.programs.kept import ProgramSet, remove_tree


@dataclass(frozen=True)
class SharedBuild:
    """Builds all sets that the cache lacks when the first of them is asked for.

    What their programs share is compiled once, and while one is linked, the others are compiled.

    :param packages: of each set.
    """

    module: GoModule
    packages: Mapping[ProgramSet, tuple[str, ...]]
    cache: Path
    log: Path

    def __call__(self, programs: ProgramSet, work: Path) -> None:
        """Put ``programs`` into ``<work>/bin``.

        :raises LabError: as :meth:`lab.programs.go_modules.GoBuild.build`.
        """
        made = self._spare / "bin"
        if programs.missing_in(made):
            self._build()
        for program in programs.programs:
            (made / program).rename(work / "bin" / program)

    def _build(self) -> None:
        wanted = [one for one in self.packages if one.find(self.cache) is None]
        packages = tuple(chain.from_iterable(self.packages[one] for one in wanted))
        remove_tree(self._spare)
        (self._spare / "bin").mkdir(parents=True)
        build = GoBuild(replace(self.module, packages=packages), self.cache, self.log)
        build.build(", ".join(map(str, wanted)), self._spare)

    @property
    def _spare(self) -> Path:
        return self.cache / f".{self.module.folder.name}.making"

    @contextmanager
    def kept(self) -> Iterator[SharedBuild]:
        """Keep what was built for sets that are asked for later; it goes at the end."""
        try:
            yield self
        finally:
            remove_tree(self._spare)
