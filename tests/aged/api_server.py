"""Airflow's own API server on a database: what ``slipway status`` asks."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from slipway.cli.settings import Login
from tests.server.airflow_database import AirflowDatabase

USER, PASSWORD = "admin", "a-password"
START_SECONDS = 300
POLL_SECONDS = 0.2


@contextmanager
def api_server(database: AirflowDatabase) -> Iterator[Login]:
    """Serve Airflow's REST API, to one user."""
    port, log = _port(), database.home / "api-server.log"
    (database.home / "passwords.json").write_text(json.dumps({USER: PASSWORD}))
    settings = {
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(database.home / "passwords.json"),
        "AIRFLOW__API__SECRET_KEY": PASSWORD,
        "AIRFLOW__API_AUTH__JWT_SECRET": PASSWORD * 8,
    }
    command = [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--workers", "1"],
            env=database.environment() | settings,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}", process)
            yield Login(f"http://127.0.0.1:{port}", USER, PASSWORD)
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if httpx.get(f"{url}/api/v2/monitor/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            assert process.poll() is None, "the API server ended"
        assert time.monotonic() < deadline, "the API server does not answer"
        time.sleep(POLL_SECONDS)


def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
