"""A Jenkins of the tests' own: the lab's stand-in, served by a process that tests may stop and start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from lab.paths import this_checkout

USER, PASSWORD, TOKEN = "slipway", "a password", "11aa22bb33cc"
WEBHOOK_SECRET = "shared with the receiver"
TRIES, PAUSE_SECONDS = 1200, 0.1


@dataclass
class Served:
    """The process, and where it answers."""

    root: Path
    port: int
    webhook: str = "http://127.0.0.1:9/nobody"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Serve, and return when it answers."""
        command = [sys.executable, "-m", "lab.jenkins", f"--port={self.port}", f"--root={self.root}"]
        login = {"USER": USER, "PASSWORD": PASSWORD, "TOKEN": TOKEN, "WEBHOOK_SECRET": WEBHOOK_SECRET}
        environment = {f"LAB_JENKINS_{name}": value for name, value in login.items()}
        self.process = subprocess.Popen(
            [*command, f"--webhook={self.webhook}", "--executors=32", "--restart-seconds=5"],
            env={**os.environ, **environment, "PYTHONPATH": str(this_checkout().checkout)},
        )
        for _ in range(TRIES):
            assert self.process.poll() is None, "the server ended"
            if self.answers():
                return
            time.sleep(PAUSE_SECONDS)
        raise AssertionError("the server does not answer")

    def stop(self) -> None:
        """End it."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(30)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}login", timeout=2, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A Jenkins that nobody restarts."""
    found = Served(tmp_path_factory.mktemp("jenkins"), free_port())
    found.start()
    yield found
    found.stop()


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[Served]:
    """A Jenkins of one test's, which may restart it."""
    found = Served(tmp_path / "jenkins", free_port())
    found.start()
    yield found
    found.stop()
