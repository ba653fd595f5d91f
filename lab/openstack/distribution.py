"""The services' programs: a virtual environment of their own, made once for one set of pins."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.paths import Paths
from lab.programs.uv import find_uv

PINS = Path(__file__).with_name("requirements.txt")


@dataclass(frozen=True)
class Distribution:
    """OpenStack as pinned in ``requirements.txt``, below the cache: its packages are not the lab's."""

    paths: Paths

    @property
    def folder(self) -> Path:
        """The virtual environment: other pins, another folder."""
        return self.paths.cache / f"openstack-{hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]}"

    def program(self, name: str) -> str:
        """Return the path of an installed program."""
        return str(self.folder / "bin" / name)

    def file(self, name: str) -> Path:
        """Return a file that a service installed below ``etc``."""
        return self.folder / "etc" / name

    def make(self) -> None:
        """Install it unless it is there, and say so; of several servers that ask at once, the first does.

        :raises LabError: when uv is missing or an installation fails.
        """
        self.paths.cache.mkdir(parents=True, exist_ok=True)
        with (self.paths.cache / "openstack.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.folder / "complete").exists():
                self._install()

    def _install(self) -> None:
        print(f"openstack: installing the pinned services into {self.folder}, once", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        uv, log = str(self.uv()), self.paths.logs / "openstack-install.log"
        python = self.program("python")
        environment = {name: value for name, value in inherited().items() if name != "VIRTUAL_ENV"}
        run([uv, "venv", "--python", sys.executable, str(self.folder)], log=log, environment=environment)
        # Bytecode written now halves every start of a service.
        sync = [uv, "pip", "sync", "--compile-bytecode", "--python", python, str(PINS)]
        run(sync, log=log, environment=environment, seconds=900)
        (self.folder / "complete").touch()

    def uv(self) -> Path:
        """Return the program that installs packages of Python.

        :raises LabError: when there is none.
        """
        return find_uv(self.paths.cache)
