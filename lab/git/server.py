"""The code registry as one of the lab's servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.daemon import Daemon, asked
from lab.ground import Ground
from lab.own_server import own_server
from lab.ports import HOST
from lab.process import Process
from lab.server import Server


@dataclass(frozen=True)
class Git(Daemon):
    """Serves ``.lab/git``; it notifies ``airflow`` of every push; pushes work without ``airflow``."""

    ground: Ground
    airflow: Server

    name = "git"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("git",)

    @property
    def url(self) -> str:
        """The address that a repository's ``/<owner>/<name>.git`` is put behind."""
        return f"http://{HOST}:{self._port}/git"

    def answers(self) -> bool:
        """Say whether it answers."""
        return asked(f"{self.url}/health") is not None

    def exports(self) -> Mapping[str, str]:
        """Return where to push to, and the login."""
        return {
            "SLIPWAY_GIT_URL": self.url,
            "SLIPWAY_GIT_USER": "git",
            "SLIPWAY_GIT_PASSWORD": self.ground.logins.secret("git"),
        }

    @property
    def _port(self) -> int:
        return self.ground.ports.get("git", 8083)

    @property
    def process(self) -> Process:
        """``python -m lab.git``."""
        receiver, own = self.airflow.exports(), self.exports()
        return own_server(
            self.ground,
            self.name,
            self._port,
            *("--webhook", f"{receiver['AIRFLOW_URL']}/slipway/webhooks/github"),
            LAB_GIT_USER=own["SLIPWAY_GIT_USER"],
            LAB_GIT_PASSWORD=own["SLIPWAY_GIT_PASSWORD"],
            SLIPWAY_WEBHOOK_SECRET=receiver["SLIPWAY_WEBHOOK_SECRET"],
        )
