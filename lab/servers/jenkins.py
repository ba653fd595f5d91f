"""The server that stands for Jenkins: ``python -m lab.jenkins``."""

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
class Jenkins(Daemon):
    """Jobs of ``lab/jenkins/jobs`` and of the tests; ``airflow`` is notified of the end of builds."""

    ground: Ground
    airflow: Server
    name: str = "jenkins"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self._port}"

    def answers(self) -> bool:
        """Say whether it answers as Jenkins does."""
        answer = asked(f"{self.url}/login")
        return answer is not None and "X-Jenkins" in answer.headers

    def exports(self) -> Mapping[str, str]:
        """Address, user, password (for the browser) and API token."""
        secret = self.ground.logins.secret
        return {
            "SLIPWAY_JENKINS_URL": self.url,
            "SLIPWAY_JENKINS_USER": "slipway",
            "SLIPWAY_JENKINS_PASSWORD": secret(self.name),
            "SLIPWAY_JENKINS_TOKEN": secret(f"{self.name}-token"),
        }

    @property
    def _port(self) -> int:
        return self.ground.ports.get(self.name, 8090)

    @property
    def process(self) -> Process:
        """``python -m lab.jenkins``, which serves from ``.lab/jenkins``."""
        receiver, own = self.airflow.exports(), self.exports()
        return own_server(
            self.ground,
            self.name,
            self._port,
            *("--webhook", f"{receiver['AIRFLOW_URL']}/slipway/webhooks/github"),
            LAB_JENKINS_USER=own["SLIPWAY_JENKINS_USER"],
            LAB_JENKINS_PASSWORD=own["SLIPWAY_JENKINS_PASSWORD"],
            LAB_JENKINS_TOKEN=own["SLIPWAY_JENKINS_TOKEN"],
            LAB_JENKINS_WEBHOOK_SECRET=receiver["SLIPWAY_WEBHOOK_SECRET"],
        )
