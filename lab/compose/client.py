"""The docker command with its Compose, talking to the lab's engine.

https://docs.docker.com/reference/cli/docker/compose/
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.server import LabError

SECONDS = 1800
"""The longest of its commands builds an image of three hundred packages."""


@dataclass(frozen=True)
class Client:
    """Runs ``docker`` and ``make`` as a person at a terminal does, in ``folder``.

    :param host: the engine's address, as DOCKER_HOST has it: it must not reach a container.
    :param log: all that is printed is appended to it.
    :param programs: folder that stands first on PATH: the lab's own ``docker`` is there, if it has one.
    """

    host: str
    folder: Path
    log: Path
    programs: Path

    def run(self, command: Sequence[str], **more: str) -> str:
        """Run a command to its end; returns what it printed.

        :param more: of the environment.
        :raises LabError: when it fails; with its last lines.
        """
        environment = {**self.environment(), **more}
        return run(command, log=self.log, environment=environment, seconds=SECONDS, folder=self.folder)

    def compose(self, *arguments: str) -> str:
        """Run ``docker compose`` without its progress; returns what it printed."""
        return self.run(["docker", "compose", "--progress", "quiet", *arguments])

    def docker(self, *arguments: str) -> str:
        """Run ``docker``; returns what it printed."""
        return self.run(["docker", *arguments])

    def refused(self, command: Sequence[str]) -> str:
        """Return what a command says that fails.

        :raises LabError: when it does not fail.
        """
        done = subprocess.run(
            list(command),
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if done.returncode == 0:
            raise LabError(f"{' '.join(command)} did not fail:\n{done.stdout}")
        return done.stdout

    def require_compose(self) -> None:
        """See that the docker command has Compose and buildx.

        :raises LabError: when one of them is missing.
        """
        for plugin in ("compose", "buildx"):
            try:
                self.docker(plugin, "version")
            except LabError as error:
                raise LabError(
                    f"docker has no plug-in {plugin}: install it, or let the lab use its own engine (unset "
                    "DOCKER_HOST)"
                ) from error

    def environment(self) -> Mapping[str, str]:
        """Return the environment of its commands."""
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        return dict(_without_settings(inherited())) | {"DOCKER_HOST": self.host, "PATH": path}


def _without_settings(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Leave out what would come before the settings in ``.env``, and make's own variables."""
    for name, value in variables.items():
        if not name.startswith(("COMPOSE_", "POSTGRES_", "REDIS_", "MAKE", "MFLAGS")):
            yield name, value
