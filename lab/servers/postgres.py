"""PostgreSQL, for Airflow's metadata: Debian's, as user ``postgres``, on loopback.

Settings: https://www.postgresql.org/docs/15/runtime-config.html
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.ground import Ground
from lab.patience import stretched
from lab.ports import HOST
from lab.process import Process
from lab.server import LabError

USER = "airflow"
DATABASE = "airflow"
ACCOUNT = "postgres"
PROGRAMS = Path("/usr/lib/postgresql")

SETTINGS = """\
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
# A lab's data may be lost when the machine stops; its tests want short transactions.
fsync = off
synchronous_commit = off
full_page_writes = off
# A killed scheduler's locks, which its workers keep by the connection that they inherited (decision 30).
idle_in_transaction_session_timeout = {idle:.0f}s
log_min_duration_statement = 2000
"""


@dataclass(frozen=True)
class Postgres:
    """One cluster with one database; its superuser is Airflow's user, by password (scram)."""

    ground: Ground
    name: str = "postgres"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("postgresql",)

    @property
    def port(self) -> int:
        """Its port on loopback."""
        return self.ground.ports.get(self.name, 5433)

    @property
    def url(self) -> str:
        """Its address, without the password."""
        return f"postgresql://{USER}@{HOST}:{self.port}/{DATABASE}"

    @property
    def sqlalchemy_url(self) -> str:
        """Its address as Airflow takes it."""
        return f"postgresql+psycopg2://{USER}:{self._password}@{HOST}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Make the cluster unless it is there, serve it, and make the database."""
        if not (self.folder / "PG_VERSION").exists():
            self._make_cluster()
        settings = SETTINGS.format(host=HOST, port=self.port, idle=stretched(120))
        (self.folder / "postgresql.auto.conf").write_text(settings)
        self._process.start()
        self._process.wait_until(self._listens, 30)
        self._ensure_database()

    def stop(self) -> None:
        """Stop it; remove its folder if that is outside ``.lab``."""
        self._process.stop(grace=20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_up(self) -> bool:
        """Say whether the database takes its login."""
        if not self._listens():
            return False
        try:
            self._ask("SELECT 1", DATABASE)
        except LabError:
            return False
        return True

    def pids(self) -> tuple[int, ...]:
        """The server's."""
        pid = self._process.pid
        return () if pid is None else (pid,)

    def exports(self) -> Mapping[str, str]:
        """``SLIPWAY_DATABASE``, for SQLAlchemy."""
        return {"SLIPWAY_DATABASE": self.sqlalchemy_url}

    @property
    def folder(self) -> Path:
        """The data: below ``.lab``, or beside Debian's own when user ``postgres`` cannot get there."""
        inside = self.ground.paths.state / "postgres"
        if all(parent.stat().st_mode & 0o001 for parent in inside.parents if parent.exists()):
            return inside
        return Path("/var/lib/postgresql") / f"slipway-{self.ground.paths.key}"

    @property
    def _password(self) -> str:
        return self.ground.logins.secret(self.name)

    @property
    def _process(self) -> Process:
        command = [str(_program("postgres")), "-D", str(self.folder)]
        return Process(self.name, command, self.ground.paths, folder=self.folder, user=ACCOUNT)

    def _make_cluster(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        shutil.chown(self.folder, ACCOUNT, ACCOUNT)
        password = self.folder.parent / f".{self.folder.name}-password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        shutil.chown(password, ACCOUNT, ACCOUNT)
        options = ["--auth=scram-sha-256", f"--username={USER}", f"--pwfile={password}", "--no-sync"]
        try:
            run(
                [str(_program("initdb")), *options, "--encoding=UTF8", "--locale=C.UTF-8", str(self.folder)],
                user=ACCOUNT,
                folder=self.folder.parent,
            )
        finally:
            password.unlink()

    def _ensure_database(self) -> None:
        if not self._ask(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", "postgres").strip():  # noqa: S608
            self._ask(f"CREATE DATABASE {DATABASE}", "postgres")

    def _ask(self, statement: str, database: str) -> str:
        return run(
            [
                *("psql", "--no-psqlrc", "--tuples-only", "--no-align"),
                *("-h", HOST, "-p", str(self.port), "-U", USER, "-c", statement, database),
            ],
            environment={
                **os.environ,
                "PGPASSWORD": self._password,
                "PGCONNECT_TIMEOUT": f"{stretched(3):.0f}",
            },
            seconds=30,
        )

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(stretched(1))
            return probe.connect_ex((HOST, self.port)) == 0


def _program(name: str) -> Path:
    """Return the newest installed PostgreSQL's ``name``.

    :raises LabError: when none is installed.
    """
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise LabError(f"{name} is not below {PROGRAMS}; install Debian's package postgresql")
    return found[-1]
