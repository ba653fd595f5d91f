"""A container registry with a login, on loopback: Debian's ``docker-registry``.

Settings: https://distribution.github.io/distribution/about/configuration/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.daemon import Daemon, asked
from lab.ground import Ground
from lab.ports import HOST
from lab.process import Process


@dataclass(frozen=True)
class Registry(Daemon):
    """One registry; ``variable`` is what its address is called in ``.lab/env``."""

    ground: Ground
    name: str
    variable: str
    user: str
    preferred_port: int
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("docker-registry", "apache2-utils")

    @property
    def address(self) -> str:
        """``host:port``, as image references write it."""
        return f"{HOST}:{self.ground.ports.get(self.name, self.preferred_port)}"

    @property
    def url(self) -> str:
        """Its API's address."""
        return f"http://{self.address}"

    @property
    def login(self) -> tuple[str, str]:
        """User and password."""
        return self.user, self.ground.logins.secret(self.name)

    def start(self) -> None:
        """Serve from ``.lab/<name>``."""
        self._folder.mkdir(exist_ok=True)
        user, password = self.login
        # Cost 4, bcrypt's least: every request of every client pays for the hash.
        line = run(["htpasswd", "-niB", "-C", "4", user], given=password, seconds=30)
        (self._folder / "htpasswd").write_text(line)
        settings = self._folder / "settings.json"  # JSON is YAML too
        settings.write_text(json.dumps(self._settings(), indent=1))
        super().start()

    def answers(self) -> bool:
        """Say whether it takes its login."""
        return asked(f"{self.url}/v2/", self.login) is not None

    def exports(self) -> Mapping[str, str]:
        """Address, user and password."""
        user, password = self.login
        return {
            self.variable: self.address,
            f"{self.variable}_USER": user,
            f"{self.variable}_PASSWORD": password,
        }

    @property
    def _folder(self) -> Path:
        return self.ground.paths.state / self.name

    @property
    def process(self) -> Process:
        """Debian's registry."""
        command = ["docker-registry", "serve", str(self._folder / "settings.json")]
        return Process(self.name, command, self.ground.paths)

    def _settings(self) -> dict[str, object]:
        return {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self._folder / "images")},
                "delete": {"enabled": True},
                "cache": {"blobdescriptor": "inmemory"},
            },
            "http": {"addr": self.address, "secret": self.ground.logins.secret(f"{self.name}-uploads")},
            "auth": {"htpasswd": {"realm": self.name, "path": str(self._folder / "htpasswd")}},
        }
