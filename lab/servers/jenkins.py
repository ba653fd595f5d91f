"""The server that stands for Jenkins: ``python -m lab.jenkins``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from lab.environment import inherited
from lab.ground import Ground
from lab.ports import HOST
from lab.process import Process
from lab.server import Server

READY_SECONDS = 30


@dataclass(frozen=True)
class Jenkins:
    """Jobs of ``lab/jenkins/jobs`` and of the tests; what becomes of builds is told to ``airflow``."""

    ground: Ground
    airflow: Server
    name: str = "jenkins"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        """Serve from ``.lab/jenkins``."""
        process = self._process
        process.start()
        process.wait_until(self.is_up, READY_SECONDS)

    def stop(self) -> None:
        """Stop it; what it keeps goes with ``.lab``."""
        self._process.stop()

    def is_up(self) -> bool:
        """Say whether it answers."""
        try:
            answer = httpx.get(f"{self.url}/login", timeout=1, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and "X-Jenkins" in answer.headers

    def pids(self) -> tuple[int, ...]:
        """Its process."""
        pid = self._process.pid
        return () if pid is None else (pid,)

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
    def _process(self) -> Process:
        paths, receiver, own = self.ground.paths, self.airflow.exports(), self.exports()
        return Process(
            name=self.name,
            command=[
                *(sys.executable, "-m", "lab.jenkins"),
                *("--host", HOST),
                *("--port", str(self._port)),
                *("--root", str(paths.state / "jenkins")),
                *("--webhook", f"{receiver['AIRFLOW_URL']}/slipway/webhooks/github"),
            ],
            paths=paths,
            environment=inherited(
                PYTHONPATH=str(paths.checkout),
                LAB_JENKINS_USER=own["SLIPWAY_JENKINS_USER"],
                LAB_JENKINS_PASSWORD=own["SLIPWAY_JENKINS_PASSWORD"],
                LAB_JENKINS_TOKEN=own["SLIPWAY_JENKINS_TOKEN"],
                LAB_JENKINS_WEBHOOK_SECRET=receiver["SLIPWAY_WEBHOOK_SECRET"],
            ),
        )
