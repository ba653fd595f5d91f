"""Airflow as one of the lab's servers."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.airflow.connections import connections
from lab.airflow.settings import APPS_FILE, FAB_FILE, FAB_SETTINGS, home, logs_port, port, settings
from lab.archive.fetch import fetch
from lab.archive.pins import LACKING, PACKER
from lab.command import run
from lab.daemon import asked
from lab.debian import image_mirrors
from lab.environment import inherited
from lab.ground import Ground
from lab.host import codename
from lab.ports import HOST
from lab.process import Process
from lab.servers.postgres import Postgres

USER = "admin"
READY_SECONDS = 120
HEARTS = ("scheduler", "dag_processor", "triggerer")
UNSCHEDULED = ("NIGHTLY_REBUILD", "RECONCILE_PUSHES", "REAP_ORPHANS", "RETENTION")
PACKAGES = (
    *("bubblewrap", PACKER, "qemu-system-x86", "qemu-utils"),
    *("debootstrap", "dosfstools", "gdisk", "kpartx", "squashfs-tools", "sudo"),
    *("busybox-static", "cpio"),  # of the example's own element
    *("groovy", "default-jre-headless"),  # runs Jenkinsfiles that start runs
)
NOT_FOR_TASKS = ("KUBECONFIG", "DOCKER_", "OS_")
"""The product's logins are connections; what its user's shell is logged in to does not concern it."""


@dataclass(frozen=True)
class Airflow:
    """The distribution of this environment, on the checkout's ``dags`` and ``plugins``.

    ``systems`` says what the lab's other servers export; from that the connections are made. Keystone is up
    first: the login that it gives to Slipway has an id that is unknown before.
    """

    ground: Ground
    postgres: Postgres
    systems: Callable[[], Mapping[str, str]]
    name: str = "airflow"

    @property
    def packages(self) -> tuple[str, ...]:
        """What builds call; not what this release lacks, which is fetched at the start."""
        return tuple(package for package in PACKAGES if package not in LACKING.get(codename(), ()))

    @property
    def needs(self) -> tuple[str, ...]:
        """The database, and who gives out logins."""
        return (self.postgres.name, "keystone")

    @property
    def url(self) -> str:
        """The UI's and the API's address."""
        return f"http://{HOST}:{port(self.ground)}"

    def start(self) -> None:
        """Bring the database up to date, start every component, wait for each one's heartbeat."""
        if self._is_outdated():
            self.stop()
        home(self.ground).mkdir(exist_ok=True)
        self._temporary.mkdir(exist_ok=True)
        (home(self.ground) / FAB_FILE).write_text(FAB_SETTINGS)
        self._write_command()
        for name in LACKING.get(codename(), ()):
            self._link(name)
        run(
            [sys.executable, "-m", "lab.airflow.prepare"],
            log=self.ground.paths.logs / "airflow-prepare.log",
            environment={
                **self._environment(),
                **self._user(),
                "PYTHONPATH": str(self.ground.paths.checkout),
            },
            seconds=300,
        )
        self.revive()

    def revive(self) -> None:
        """Start the components that do not run, and wait for a heartbeat of each."""
        begun = datetime.now(UTC)
        for process in self._processes():
            process.start()
        for process in self._processes():
            process.wait_until(lambda: self._is_healthy(begun), READY_SECONDS)

    def component(self, name: str) -> Process:
        """Return one of its processes: ``scheduler``, ``triggerer``, ..."""
        return next(process for process in self._processes() if process.name == f"{self.name}-{name}")

    def stop(self) -> None:
        """Stop every component; tasks that run are ended with them."""
        processes = self._processes()
        with ThreadPoolExecutor(len(processes)) as pool:
            list(pool.map(lambda process: process.stop(grace=15), processes))

    def is_up(self) -> bool:
        """Say whether every component runs, on the plugins as they are, and is healthy by its own word."""
        running = all(process.pid for process in self._processes())
        return running and not self._is_outdated() and self._is_healthy()

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of its components that run."""
        return tuple(pid for process in self._processes() if (pid := process.pid) is not None)

    def exports(self) -> Mapping[str, str]:
        """Address, login, what signs webhooks and the questions of tasks, and what runs a Jenkinsfile."""
        return {
            "AIRFLOW_URL": self.url,
            "AIRFLOW_USER": USER,
            "AIRFLOW_PASSWORD": self.ground.logins.secret("airflow"),
            "SLIPWAY_WEBHOOK_SECRET": self.ground.logins.secret("webhook"),
            "SLIPWAY_QUESTIONS_KEY": self.ground.logins.secret("questions"),
            "SLIPWAY_REPLAY": str(self.ground.paths.checkout / "lab" / "jenkinsfile"),
        }

    @property
    def command(self) -> Path:
        """A program that runs ``airflow`` with the lab's settings."""
        return self.ground.paths.state / "bin" / "airflow"

    def _processes(self) -> list[Process]:
        airflow = [sys.executable, "-m", "airflow"]
        logs = [sys.executable, "-m", "uvicorn", "--factory", "airflow.utils.serve_logs.log_server:get_app"]
        commands = {
            "api-server": [*airflow, "api-server"],
            "scheduler": [*airflow, "scheduler", "--skip-serve-logs"],
            "dag-processor": [*airflow, "dag-processor"],
            "triggerer": [*airflow, "triggerer", "--skip-serve-logs"],
            "logs": [*logs, "--host", socket.gethostname(), "--port", str(logs_port(self.ground))],
        }
        environment = self._environment()
        return [
            Process(f"airflow-{name}", command, self.ground.paths, environment, folder=home(self.ground))
            for name, command in commands.items()
        ]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in inherited().items() if not name.startswith(NOT_FOR_TASKS)}
        path = os.pathsep.join([kept["PATH"], str(self.command.parent)])
        return kept | self._variables() | {"TMPDIR": str(self._temporary), "PATH": path}

    def _variables(self) -> dict[str, str]:
        known = self.systems()
        return {
            **settings(self.ground, self.postgres.sqlalchemy_url),
            **connections({**known, **self.exports()}),
            "SLIPWAY_WEBHOOK_SECRET": self.exports()["SLIPWAY_WEBHOOK_SECRET"],
            # What is tested is started by hand; a demo at night would build other applications, too.
            **{f"SLIPWAY_SCHEDULE_{name}": "none" for name in UNSCHEDULED},
            "SLIPWAY_APPS_FILE": os.environ.get(APPS_FILE)
            or str(self.ground.paths.checkout / "lab" / "apps.yaml"),
            "SLIPWAY_TENANCY_FILE": str(self.ground.paths.checkout / "lab" / "tenancy.yaml"),
            **{name: known[name] for name in ("DOCKER_HOST",) if name in known},
            **image_mirrors(),
        }

    def _is_outdated(self) -> bool:
        """Say whether plugins were edited since a component imported them."""
        edited = max(file.stat().st_mtime for file in (self.ground.paths.checkout / "plugins").rglob("*.py"))
        return any(process.started and process.started < edited for process in self._processes())

    def _user(self) -> dict[str, str]:
        return {"LAB_AIRFLOW_USER": USER, "LAB_AIRFLOW_PASSWORD": self.exports()["AIRFLOW_PASSWORD"]}

    def _link(self, package: str) -> None:
        """Have the program of a package that this release lacks, from another release, on the tasks' PATH."""
        paths = self.ground.paths
        program = self.command.parent / package
        program.unlink(missing_ok=True)
        program.symlink_to(
            fetch(package, paths.cache, paths.logs / "airflow-programs.log") / "usr/bin" / package
        )

    @property
    def _temporary(self) -> Path:
        return self.ground.paths.state / "tmp"

    def _write_command(self) -> None:
        self.command.parent.mkdir(exist_ok=True)
        self.command.touch(mode=0o700)
        exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(self._variables().items())]
        last = f'exec {shlex.quote(sys.executable)} -m airflow "$@"'
        self.command.write_text("\n".join(["#!/bin/sh", *exports, last, ""]))

    def _is_healthy(self, since: datetime | None = None) -> bool:
        answer = asked(f"{self.url}/api/v2/monitor/health")
        if answer is None:
            return False
        try:
            health = answer.json()
        except ValueError:
            return False
        return all(_beats(health[heart], f"latest_{heart}_heartbeat", since) for heart in HEARTS)


def _beats(component: Mapping[str, str | None], heartbeat: str, since: datetime | None) -> bool:
    last = component.get(heartbeat)
    if component.get("status") != "healthy" or last is None:
        return False
    return since is None or datetime.fromisoformat(last) >= since
