"""Programs built from Go modules, as a ``go.mod`` and a ``go.sum`` of ours pin them.

https://go.dev/ref/mod
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.programs.go import ensure_go, required_by
from lab.programs.kept import ProgramSet
from lab.programs.progress import Progress
from lab.server import LabError

DOWNLOAD_SECONDS = 900


class ModulesUnavailableError(LabError):
    """The modules cannot be fetched: the module proxy does not answer, or does not have them."""


@dataclass(frozen=True)
class GoModule:
    """A folder with ``go.mod`` and ``go.sum``, and how its programs are linked."""

    folder: Path
    packages: tuple[str, ...] = ("tool",)
    """What is built: by default what the ``tool`` lines of the go.mod name."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a program that is several: what it is called by, instead of its own name."""
    tags: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """Strings set at link time: the version that a program reports."""


@dataclass(frozen=True)
class GoBuild:
    """Builds a module's programs with a toolchain of the machine's or of ``cache``.

    Modules and compiled packages are kept in the folder of the build, which goes when it ends: 2 GB and more.
    Modules that the user's own module cache has are taken from there, and nothing is put there.
    """

    module: GoModule
    cache: Path
    log: Path

    def __call__(self, programs: ProgramSet, work: Path) -> None:
        """Put ``programs`` into ``<work>/bin``.

        :raises LabError: as :meth:`build`.
        """
        self.build(str(programs), work)

    def build(self, what: str, work: Path) -> None:
        """Put the module's programs into ``<work>/bin``.

        :param what: their names, for people.
        :raises ModulesUnavailableError: when the modules cannot be fetched.
        :raises LabError: when there is no toolchain, or the build fails.
        """
        go = ensure_go(required_by(self.module.folder / "go.mod"), self.cache, self.log)
        environment = self._environment(go, work)
        packages = self._fetch(go, environment)
        progress = Progress(f"building {what} from Go modules", len(packages))
        progress.start()
        self._compile([str(go), *self._arguments(work / "bin")], environment, progress, set(packages))
        for program, names in self.module.names.items():
            if (made := work / "bin" / program).exists():
                for name in names:
                    made.with_name(name).hardlink_to(made)
                made.unlink()
        progress.end()

    def _environment(self, go: Path, work: Path) -> dict[str, str]:
        named = run([str(go), "env", "GOMODCACHE", "GOPROXY"], folder=self.module.folder, seconds=30)
        modules, proxy = named.splitlines()
        return inherited(
            CGO_ENABLED="0",
            GOCACHE=str(work / "compiled"),
            GOMODCACHE=str(work / "modules"),
            GOPROXY=f"file://{modules}/cache/download,{proxy}",
            GOFLAGS="-buildvcs=false -modcacherw",
            GOTOOLCHAIN="local",
            GOWORK="off",
        )

    def _fetch(self, go: Path, environment: dict[str, str]) -> list[str]:
        """Download what is needed; return the packages that will be compiled."""
        asked = [str(go), "list", "-deps", f"-tags={','.join(self.module.tags)}", *self.module.packages]
        try:
            listed = run(
                asked,
                log=self.log,
                environment=environment,
                folder=self.module.folder,
                seconds=DOWNLOAD_SECONDS,
            )
        except LabError as error:
            raise ModulesUnavailableError(f"the Go modules of {self.module.folder.name}: {error}") from error
        return [line for line in listed.splitlines() if not line.startswith("go: ")]

    def _arguments(self, target: Path) -> list[str]:
        variables = " ".join(f"-X {name}={value}" for name, value in self.module.variables.items())
        return [
            "build",
            "-v",
            "-trimpath",
            f"-tags={','.join(self.module.tags)}",
            f"-ldflags=-s -w {variables}",
            f"-o={target}/",
            *self.module.packages,
        ]

    def _compile(
        self, command: list[str], environment: dict[str, str], progress: Progress, packages: set[str]
    ) -> None:
        tail: list[str] = []
        with (
            self.log.open("a") as log,
            subprocess.Popen(
                ["nice", "-n", "5", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self.module.folder,
                text=True,
                errors="replace",
            ) as building,
        ):
            for line in building.stdout or ():
                log.write(line)
                if line.rstrip() in packages:
                    progress.advance()
                else:
                    tail = [*tail[-14:], f"  {line.rstrip()[:300]}"]
        if building.returncode != 0:
            raise LabError("\n".join([f"{progress.what} failed (all of it: {self.log}):", *tail]))
