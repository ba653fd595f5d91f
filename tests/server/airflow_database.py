"""Databases as Airflow's own commands make them, for routes that run inside the test."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, text

HERE = Path(__file__).parent
PLUGINS = HERE.parents[1] / "plugins"
MANAGER = "slipway.webhook.db.SlipwayDBManager"
MAKE = """
import sys
from airflow.__main__ import main
for command in ("db migrate", "dags reserialize"):
    sys.argv = ["airflow", *command.split()]
    main()
"""
"""Both in one process: Airflow's start takes seconds."""


@dataclass(frozen=True)
class AirflowDatabase:
    """A database, and the home of the Airflow that owns it."""

    home: Path
    url: str

    def environment(self, plugins: Path | None = None) -> dict[str, str]:
        """Settings of that Airflow, by environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return kept | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins or self.home / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.url,
            "AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS": MANAGER,
            "PYTHONPATH": str(PLUGINS),
        }

    def python(self, *arguments: str, seconds: int = 300) -> str:
        """Run Python with that Airflow's settings."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    def engine(self) -> Engine:
        """Return an engine of its own."""
        return create_engine(self.url)


def make(home: Path, url: str) -> AirflowDatabase:
    """Make the tables, and read the DAG of this folder into them."""
    database = AirflowDatabase(home, url)
    database.python("-c", MAKE)
    return database


def create_empty(server: str, name: str) -> str:
    """Create a database beside the one that ``server`` names; return its URL."""
    _on_server(server, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    return server.rpartition("/")[0] + f"/{name}"


def drop(server: str, name: str) -> None:
    """Drop it, whoever is connected."""
    _on_server(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _on_server(server: str, *statements: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()
