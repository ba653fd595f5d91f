"""The receivers that are measured: Slipway, PyPI's airflow-provider-inbound-webhooks, and Debian's webhook.

The first two are Airflow's real API server, one process each, over one database of the lab's PostgreSQL, with
a DAG that each delivery starts and no scheduler that would run it. The third starts /bin/true for each, and
stores nothing.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import create_engine, text

from benchmarks.servers import ROOT
from benchmarks.webhook_load import REPOSITORIES, SECRET, Receiver

PROVIDER = "airflow-provider-inbound-webhooks==0.2.0"
"""https://pypi.org/project/airflow-provider-inbound-webhooks/"""
DEBIAN = "webhook"
"""https://github.com/adnanh/webhook"""
DATABASE = "slipway_bench_webhook"
START_SECONDS = 180
DAG = """
from airflow.sdk import DAG, Asset
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("subscriber", schedule=[Asset("github/*/push")]):
    EmptyOperator(task_id="nothing")
"""
PREPARE = """
import sys
from airflow.__main__ import main
for command in ("db migrate", "dags reserialize"):
    sys.argv = ["airflow", *command.split()]
    main()
"""


@contextmanager
def receivers(folder: Path, database: str) -> Iterator[list[Receiver]]:
    """Install what is compared, and have all of it wait for deliveries.

    :param database: URL of the lab's database, beside which one is made.
    """
    with ExitStack() as stack:
        url = stack.enter_context(_beside(database))
        airflow = Airflow(folder, url, _provider(folder))
        airflow.prepare()
        yield [
            stack.enter_context(airflow.slipway()),
            stack.enter_context(airflow.provider()),
            stack.enter_context(_debian(folder)),
        ]


@dataclass(frozen=True)
class Airflow:
    """One Airflow without a scheduler."""

    home: Path
    database: str
    packages: Path

    def prepare(self) -> None:
        """Make the tables of Airflow, Slipway and the provider, and read the DAGs of both."""
        dags = self.home / "dags"
        dags.mkdir()
        for path in (ROOT / "dags").glob("*.py"):
            (dags / path.name).symlink_to(path)
        (dags / "subscriber.py").write_text(DAG)
        (self.home / "apps.yaml").write_text(json.dumps(_apps()))
        _run([sys.executable, "-c", PREPARE], self._environment(self.packages))

    @contextmanager
    def slipway(self) -> Iterator[Receiver]:
        """Serve Slipway's route."""
        with self._api_server({}) as url:
            yield Receiver("Slipway", f"{url}/slipway/webhooks/github")

    @contextmanager
    def provider(self) -> Iterator[Receiver]:
        """Serve the provider's."""
        folder = self.home / "no-plugins"
        folder.mkdir()
        login = {"conn_type": "inbound_webhook", "password": SECRET}
        settings = {
            "PYTHONPATH": str(self.packages),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder),
            "AIRFLOW__INBOUND_WEBHOOKS__WEBHOOK_NAMES": "github",
            "AIRFLOW_CONN_WEBHOOK_GITHUB": json.dumps(login),
        }
        with self._api_server(settings) as url:
            yield Receiver(PROVIDER, f"{url}/webhooks/github")

    @contextmanager
    def _api_server(self, settings: Mapping[str, str]) -> Iterator[str]:
        port = _port()
        command = [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)]
        environment = self._environment() | settings
        with _process([*command, "--workers", "1"], environment, self.home / f"{port}.log"):
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/api/v2/monitor/health", self.home / f"{port}.log")
            yield url

    def _environment(self, packages: Path | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return kept | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__SECRET_KEY": SECRET,
            "AIRFLOW__API_AUTH__JWT_SECRET": SECRET * 3,
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(packages or ""), str(ROOT / "plugins")])),
            "SLIPWAY_APPS_FILE": str(self.home / "apps.yaml"),
            "SLIPWAY_WEBHOOK_SECRET": SECRET,
        }


def _apps() -> dict[str, object]:
    environment = {"refs": ["refs/heads/main"], "namespace": "bench"}
    application = {"tenant": "bench", "environments": {"production": environment}}
    return {"version": 1, "applications": dict.fromkeys(REPOSITORIES, application)}


@contextmanager
def _beside(database: str) -> Iterator[str]:
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    drop = text(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    try:
        with engine.connect() as connection:
            connection.execute(drop)
            connection.execute(text(f"CREATE DATABASE {DATABASE}"))
        yield f"{database.rpartition('/')[0]}/{DATABASE}"
    finally:
        with engine.connect() as connection:
            connection.execute(drop)
        engine.dispose()


def _provider(folder: Path) -> Path:
    """Install the provider beside the environment, without what it depends on: Airflow is there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway"
    uv = next(iter(sorted(cache.glob("uv-*/bin/uv"), reverse=True)), None)
    if uv is None:
        raise SystemExit("uv is missing; install it: make venv")
    packages = folder / "packages"
    _run([str(uv), "pip", "install", "-q", "--no-deps", "--target", str(packages), PROVIDER], os.environ)
    return packages


@contextmanager
def _debian(folder: Path) -> Iterator[Receiver]:
    """Unpack Debian's package, and serve a hook that checks the signature."""
    debian = folder / "debian"
    debian.mkdir()
    _run(["apt-get", "download", "-qq", DEBIAN], os.environ, debian)
    for package in debian.glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(debian)], os.environ)
    rule = {
        "type": "payload-hmac-sha256",
        "secret": SECRET,
        "parameter": {"source": "header", "name": "X-Hub-Signature-256"},
    }
    hooks = debian / "hooks.json"
    hooks.write_text(
        json.dumps([{"id": "github", "execute-command": "/bin/true", "trigger-rule": {"match": rule}}])
    )
    port = _port()
    command = [str(debian / "usr/bin/webhook"), "-ip", "127.0.0.1", "-port", str(port), "-hooks", str(hooks)]
    with _process(command, os.environ, folder / "debian.log"):
        _wait_for(f"http://127.0.0.1:{port}/", folder / "debian.log")
        yield Receiver("webhook (Debian)", f"http://127.0.0.1:{port}/hooks/github")


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=dict(environment), stdout=file, stderr=file)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _run(command: list[str], environment: Mapping[str, str], folder: Path | None = None) -> None:
    done = subprocess.run(
        command, env=dict(environment), cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[:4])} failed: {(done.stdout + done.stderr)[-2000:]}")


def _wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False, timeout=5) as client:
        while True:
            try:
                client.get(url)
                return
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise SystemExit(f"{url} does not answer: {log.read_text()[-2000:]}") from None
                time.sleep(0.2)


def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
