"""A service of OpenStack as one of the lab's servers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from openstack.exceptions import SDKException

from lab.command import run
from lab.daemon import Daemon, asked
from lab.environment import inherited
from lab.openstack import settings
from lab.openstack.cloud import Cloud
from lab.openstack.kind import Kind
from lab.process import Process
from lab.server import LabError

EXTENSION = Path(__file__).with_name("extension")
"""Announces the lab's part in Neutron, Ironic and Octavia, as packages announce theirs: by an entry point."""


@dataclass(frozen=True)
class Service(Daemon):
    """Gunicorn with one service's WSGI application, from the services' own virtual environment."""

    ready_seconds = 120

    cloud: Cloud
    kind: Kind

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian's packages that it calls."""
        return self.kind.packages

    @property
    def name(self) -> str:
        """The service's."""
        return self.kind.name

    @property
    def needs(self) -> tuple[str, ...]:
        """The services it asks while it starts."""
        return self.kind.needs

    @property
    def url(self) -> str:
        """Its address."""
        return self.cloud.url(self.name)

    def start(self) -> None:
        """Install OpenStack and make the tables unless they are there; serve; give it what it lacks."""
        self.cloud.distribution.make()
        for folder in ("home", self.name):
            (self.cloud.folder / folder).mkdir(parents=True, exist_ok=True)
        # It may run by settings that are no longer these.
        self.process.stop()
        settings.write(self._settings, self.kind.settings(self.cloud))
        self._make_tables()
        try:
            super().start()
        except LabError:
            # The next try shall not wait for this one.
            self.process.stop()
            raise
        try:
            self.kind.seed(self.cloud)
        except SDKException as error:
            raise LabError(
                f"{self.name} runs, but its initial data could not be loaded: {error}; {self.process.tail()}"
            ) from error
        self._seeded.touch()

    def stop(self) -> None:
        """Stop it; what it keeps goes with ``.lab``."""
        super().stop()
        self.kind.clear(self.cloud)

    def is_up(self) -> bool:
        """Say whether it answers, has what it was to be given, and runs by the settings of today."""
        return self._seeded.exists() and self._is_current() and self.answers()

    def exports(self) -> Mapping[str, str]:
        """The login, of Keystone; nothing of the others, which Keystone's catalogue names."""
        return self.kind.exports(self.cloud)

    def _is_current(self) -> bool:
        return self._settings.read_text() == settings.render(self.kind.settings(self.cloud))

    @property
    def _settings(self) -> Path:
        return self.cloud.of(self.name) / self.kind.file

    def answers(self) -> bool:
        """Say whether it lists its versions."""
        return asked(f"{self.url}/", statuses=(200, 300)) is not None

    @property
    def _seeded(self) -> Path:
        return self.cloud.of(self.name) / "seeded"

    def _make_tables(self) -> None:
        made = self.cloud.of(self.name) / "tables"
        if made.exists():
            return
        for command in self.kind.tables(self.cloud):
            run(
                [self.cloud.distribution.program(command[0]), *command[1:]],
                log=self.cloud.ground.paths.logs / f"{self.name}-tables.log",
                environment=self._environment,
                folder=self.cloud.of(self.name),
                seconds=300,
            )
        made.touch()

    @property
    def process(self) -> Process:
        """Its server; requests are answered by a child of that."""
        python = self.cloud.distribution.program("python")
        return Process(
            name=self.name,
            command=[python, "-m", self.kind.module, self.name, str(self.cloud.port(self.name))],
            paths=self.cloud.ground.paths,
            environment=self._environment,
            folder=self.cloud.of(self.name),
        )

    @property
    def _environment(self) -> Mapping[str, str]:
        mine = {name: value for name, value in inherited().items() if not name.startswith("OS_")}
        paths = self.cloud.ground.paths
        return {
            **mine,
            "HOME": str(self.cloud.folder / "home"),
            "PATH": os.pathsep.join([str(self.cloud.distribution.folder / "bin"), mine["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(paths.checkout), str(EXTENSION)]),
            "PYTHONSAFEPATH": "1",
            "PYTHONWARNINGS": "ignore",
            **self.kind.variables(self.cloud),
        }
