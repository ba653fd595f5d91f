"""An Airflow with two API servers on one PostgreSQL, a code registry, and what befalls them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from lab import debian
from lab.airflow.connections import connections
from lab.airflow.server import Airflow
from lab.airflow.settings import FAB_FILE, FAB_SETTINGS, home, port, settings
from lab.command import run
from lab.daemon import asked
from lab.environment import inherited
from lab.git.repository import Repositories
from lab.git.server import Git
from lab.ground import Ground, ground_of
from lab.paths import paths_of, this_checkout
from lab.ports import HOST
from lab.process import Process, wait_gone
from lab.servers.postgres import Postgres
from tests.pushes.balancer import balanced

DAGS = Path(__file__).with_name("dags")
READY_SECONDS = 180
PARALLELISM = "8"
"""Tasks at once: short ones compute all the time, and more would only wait for a core."""


@dataclass(frozen=True)
class Installation:
    """Its parts, each of which can be ended and started again.

    Tasks reach the API servers by one address, as through a balancer; senders choose one themselves.
    """

    ground: Ground
    repositories: Sequence[str]
    """``apps.yaml`` has these; every branch of theirs is deployed."""

    @property
    def postgres(self) -> Postgres:
        """The database of all."""
        return Postgres(self.ground)

    @property
    def login(self) -> Mapping[str, str]:
        """Addresses, users and secrets."""
        return self._airflow.exports()

    @property
    def git(self) -> Git:
        """What ``reconcile_pushes`` asks."""
        return Git(self.ground, self._airflow)

    @property
    def servers(self) -> list[str]:
        """The addresses of the API servers."""
        return [f"http://{HOST}:{one}" for one in self._ports]

    @property
    def bare(self) -> Repositories:
        """The repositories that the code registry serves."""
        return Repositories(self.ground.paths.state / "git")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have all of it run until the block's end."""
        with ExitStack() as stack:
            stack.callback(self._stop)
            self._install()
            self.postgres.start()
            self.git.start()
            stack.enter_context(balanced(port(self.ground), self._ports))
            self._prepare()
            for process in self._processes():
                process.start()
            scheduler = self._process("scheduler")
            scheduler.wait_until(self._takes_pushes, READY_SECONDS)
            yield

    def restart_postgres(self) -> None:
        """Restart it as its administrator does: at once, whoever is connected.

        https://www.postgresql.org/docs/15/server-shutdown.html
        """
        [pid] = self.postgres.pids()
        os.kill(pid, signal.SIGINT)
        assert wait_gone(lambda: not self.postgres.pids(), 60), "PostgreSQL does not stop"
        self.postgres.start()

    def kill_api_server(self) -> None:
        """Kill the second API server; it does not come back."""
        self._kill("api-server-2")

    def kill_scheduler(self) -> None:
        """Kill the scheduler with all that it started, as a machine that goes down, and start it again.

        Its tasks end in the middle, some of them between their report and their end, and run again.
        """
        self._kill("scheduler")
        self._process("scheduler").start()

    def _kill(self, name: str) -> None:
        process = self._process(name)
        assert process.pid, f"{name} does not run; {process.tail()}"
        killed = psutil.Process(process.pid)
        for one in (killed, *killed.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        assert wait_gone(lambda: process.pid is None, 30), f"{name} does not end"

    def _stop(self) -> None:
        for process in self._processes():
            process.stop(grace=15)
        self.git.stop()
        self.postgres.stop()
        for folder in (self.ground.paths.sockets, self.ground.paths.outside):
            shutil.rmtree(folder, ignore_errors=True)

    def _install(self) -> None:
        self.ground.paths.make()
        needed = (*self.postgres.packages, *self.git.packages)
        if missing := debian.missing(needed):
            debian.install(missing, self.ground.paths.logs / "apt.log")

    def _prepare(self) -> None:
        folder = home(self.ground)
        folder.mkdir()
        (folder / FAB_FILE).write_text(FAB_SETTINGS)
        environment = {"refs": ["refs/heads/*"], "namespace": "pushes"}
        application = {"tenant": "pushes", "environments": {"production": environment}}
        apps = {"version": 1, "applications": dict.fromkeys(self.repositories, application)}
        self._apps.write_text(json.dumps(apps))
        user = {"LAB_AIRFLOW_USER": self.login["AIRFLOW_USER"]}
        user["LAB_AIRFLOW_PASSWORD"] = self.login["AIRFLOW_PASSWORD"]
        run(
            [sys.executable, "-m", "lab.airflow.prepare"],
            log=self.ground.paths.logs / "airflow-prepare.log",
            environment={**self._environment(), **user, "PYTHONPATH": str(this_checkout().checkout)},
            seconds=300,
        )

    def _takes_pushes(self) -> bool:
        """Say whether both API servers find that nothing keeps pushes from getting on."""
        answers = [asked(f"{url}/slipway/health") for url in self.servers]
        return all(answer is not None and answer.json()["status"] == "healthy" for answer in answers)

    def _process(self, name: str) -> Process:
        return next(process for process in self._processes() if process.name == name)

    def _processes(self) -> list[Process]:
        airflow = [sys.executable, "-m", "airflow"]
        commands = {
            f"api-server-{number}": [*airflow, "api-server", "--port", str(one)]
            for number, one in enumerate(self._ports, start=1)
        }
        commands["scheduler"] = [*airflow, "scheduler", "--skip-serve-logs"]
        commands["dag-processor"] = [*airflow, "dag-processor"]
        environment, paths = self._environment(), self.ground.paths
        return [
            Process(name, command, paths, environment, folder=home(self.ground))
            for name, command in commands.items()
        ]

    def _environment(self) -> dict[str, str]:
        known = {**self.git.exports(), **self.login}
        own = {
            "AIRFLOW__CORE__PARALLELISM": PARALLELISM,
            "SLIPWAY_WEBHOOK_SECRET": known["SLIPWAY_WEBHOOK_SECRET"],
            "SLIPWAY_APPS_FILE": str(self._apps),
            "SLIPWAY_SCHEDULE_RECONCILE_PUSHES": "none",
        }
        airflow = settings(self.ground, self.postgres.sqlalchemy_url)
        return inherited(**{**airflow, **connections(known), **own})

    @property
    def _airflow(self) -> Airflow:
        """What the lab's other servers know of Airflow."""
        return Airflow(self.ground, self.postgres, dict)

    @property
    def _apps(self) -> Path:
        return home(self.ground) / "apps.yaml"

    @property
    def _ports(self) -> list[int]:
        return [self.ground.ports.get(f"api-server-{number}", 8090) for number in (1, 2)]


def installation(folder: Path, repositories: Sequence[str]) -> Installation:
    """Return what runs in ``folder``, which is laid out as a checkout with DAGs of its own."""
    checkout = this_checkout().checkout
    for name in ("plugins", "lab"):
        (folder / name).symlink_to(checkout / name)
    (folder / "dags").mkdir()
    for file in (*DAGS.glob("*.py"), checkout / "dags" / "reconcile_pushes.py"):
        (folder / "dags" / file.name).symlink_to(file)
    return Installation(ground_of(paths_of(folder)), repositories)
