"""The server that stands for Jira: ``python -m lab.jira``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.daemon import Daemon, asked
from lab.ground import Ground
from lab.own_server import own_server
from lab.ports import HOST
from lab.process import Process


@dataclass(frozen=True)
class Jira(Daemon):
    """Issues of two projects."""

    ground: Ground
    name: str = "jira"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address that ``/rest/api`` is put after."""
        return f"http://{HOST}:{self._port}"

    def answers(self) -> bool:
        """Say whether it answers."""
        return asked(f"{self.url}/rest/api/2/serverInfo") is not None

    def exports(self) -> Mapping[str, str]:
        """Address and login."""
        return {
            "SLIPWAY_JIRA_URL": self.url,
            "SLIPWAY_JIRA_USER": "slipway",
            "SLIPWAY_JIRA_TOKEN": self.ground.logins.secret(self.name),
        }

    @property
    def _port(self) -> int:
        return self.ground.ports.get(self.name, 8091)

    @property
    def process(self) -> Process:
        """``python -m lab.jira``, which serves from ``.lab/jira``."""
        own = self.exports()
        return own_server(
            self.ground,
            self.name,
            self._port,
            LAB_JIRA_USER=own["SLIPWAY_JIRA_USER"],
            LAB_JIRA_TOKEN=own["SLIPWAY_JIRA_TOKEN"],
        )
