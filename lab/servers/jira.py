"""The server that stands for Jira: ``python -m lab.jira``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from lab.environment import inherited
from lab.ground import Ground
from lab.ports import HOST
from lab.process import Process


@dataclass(frozen=True)
class Jira:
    """Issues of two projects."""

    ground: Ground
    name: str = "jira"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address that ``/rest/api`` is put after."""
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        """Serve from ``.lab/jira``."""
        self._process.start()
        self._process.wait_until(self._answers, 30)

    def stop(self) -> None:
        """Stop it; what it keeps goes with ``.lab``."""
        self._process.stop()

    def is_up(self) -> bool:
        """Say whether it answers."""
        return self._answers()

    def pids(self) -> tuple[int, ...]:
        """Its process's."""
        pid = self._process.pid
        return () if pid is None else (pid,)

    def exports(self) -> Mapping[str, str]:
        """Address and login."""
        return {
            "SLIPWAY_JIRA_URL": self.url,
            "SLIPWAY_JIRA_USER": "slipway",
            "SLIPWAY_JIRA_TOKEN": self.ground.logins.secret(self.name),
        }

    def _answers(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/rest/api/2/serverInfo", timeout=2, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    @property
    def _port(self) -> int:
        return self.ground.ports.get(self.name, 8091)

    @property
    def _process(self) -> Process:
        own, paths = self.exports(), self.ground.paths
        return Process(
            name=self.name,
            command=[
                *(sys.executable, "-m", "lab.jira"),
                *("--host", HOST),
                *("--port", str(self._port)),
                *("--root", str(paths.state / "jira")),
            ],
            paths=paths,
            environment=inherited(
                PYTHONPATH=str(paths.checkout),
                LAB_JIRA_USER=own["SLIPWAY_JIRA_USER"],
                LAB_JIRA_TOKEN=own["SLIPWAY_JIRA_TOKEN"],
            ),
        )
