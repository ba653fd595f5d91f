"""Programs of the user's own, in a folder that a variable names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.environment import given
from lab.programs.go import numbers
from lab.programs.kept import ProgramSet
from lab.server import LabError


@dataclass(frozen=True)
class GivenFolder:
    """The folder, and the variable that names it."""

    path: Path
    variable: str

    def find(self, programs: ProgramSet) -> Path | None:
        """Return the folder when all of ``programs`` are in it."""
        return None if programs.missing_in(self.path) else self.path

    def require(self, programs: ProgramSet) -> Path:
        """Return the folder.

        :raises LabError: when one of ``programs`` is not in it, or the first of them is of another version.
        """
        missing = programs.missing_in(self.path)
        if missing:
            raise LabError(
                f"{self.variable} is {self.path}, which lacks {', '.join(missing)}; add them, or unset it"
            )
        found = numbers(run([str(self.path / programs.programs[0]), "--version"], seconds=60))
        if found[:2] != numbers(programs.version)[:2]:
            raise LabError(
                f"{self.variable} is {self.path}, whose {programs.programs[0]} is "
                f"{'.'.join(map(str, found))}, but the lab uses {programs.version}; choose it with "
                f"KUBERNETES=, or unset {self.variable}"
            )
        return self.path


def given_folder(variable: str) -> GivenFolder | None:
    """Return the folder that the user set ``variable`` to, or None."""
    named = given(variable, "")
    return GivenFolder(Path(named).expanduser(), variable) if named else None
