"""The routes as Airflow itself loads and serves them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.airflow_database import PLUGINS, AirflowDatabase
from tests.server.conftest import Counted, Rows
from tests.server.sender import SECRET, Sender, encode, headers, push

APPS = """
version: 1
applications:
  octo/hello: {tenant: demo, environments: {production: {refs: [refs/heads/main], namespace: demo}}}
"""


@pytest.fixture(scope="module")
def airflow(sqlite_database: AirflowDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Airflow's API server with Slipway's plugin."""
    folder = tmp_path_factory.mktemp("api-server")
    (folder / "apps.yaml").write_text(APPS)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = sqlite_database.environment(PLUGINS) | {
        "SLIPWAY_APPS_FILE": str(folder / "apps.yaml"),
        "SLIPWAY_WEBHOOK_SECRET": SECRET,
    }
    command = [
        sys.executable,
        "-m",
        "airflow",
        "api-server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}/slipway"
        _wait_until_up(process, url, folder / "log")
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(1200):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            httpx.get(url, timeout=1, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"the API server is not up after two minutes: {log.read_text()[-3000:]}")


@pytest.fixture
def sender(airflow: str) -> Iterator[Sender]:
    with httpx.Client(base_url=airflow, timeout=30, trust_env=False) as client:
        yield Sender(client)


@pytest.mark.slow
@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_push_through_airflows_server(
    sender: Sender, inbox: Rows, counted: Counted, queued: Callable[[], Any], made: AirflowDatabase
) -> None:
    response = sender.deliver(push(), x_github_delivery="d-1")
    assert (response.status_code, response.json()["status"]) == (202, "accepted")
    assert sender.deliver(push(), x_github_delivery="d-1").json()["status"] == "already received"
    assert sender.deliver(push(), x_hub_signature_256="sha256=0").status_code == 401
    assert sender.client.get("/webhooks/github").status_code == 405
    assert [row["status"] for row in inbox()] == ["accepted"]
    assert [row["http_status"] for row in counted(1)] == [401]
    assert queued() == [("push", f"octo/hello@{push()['after']}")]


@pytest.mark.lab
def test_lab_answers_signed_and_refuses_others(lab: Any) -> None:
    with httpx.Client(base_url=f"{lab.airflow.url}/slipway", timeout=30, trust_env=False) as client:
        body = encode({"zen": "Design for failure."})
        url = "/webhooks/github"
        from slipway.webhook.signature import sign

        signature = sign(body, lab.webhook_secret)
        signed = headers(body, "ping", x_hub_signature_256=signature)
        assert client.post(url, content=body, headers=signed).json() == {"status": "pong"}
        assert client.post(url, content=body, headers=headers(body, "ping")).status_code == 401
