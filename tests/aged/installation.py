"""An installation's database, and the routes of its API server on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, create_engine, text
from starlette.applications import Starlette
from starlette.routing import Mount

from slipway.apiserver.routes import create_app
from slipway.cli.settings import Login
from slipway.webhook.reception import Reception
from tests.aged.api_server import api_server
from tests.aged.history import fill
from tests.aged.operations import apps
from tests.served import client, served
from tests.server.airflow_database import AirflowDatabase
from tests.server.conftest import session_of
from tests.server.sender import KEY, KNOWN, Sender

PUSHES = int(os.environ.get("SLIPWAY_AGED_PUSHES", "200000"))


@dataclass(frozen=True)
class Installation:
    """A database, and the API server's routes on it."""

    database: AirflowDatabase
    engine: Engine
    url: str
    airflow: Login
    """To Airflow's own API server."""

    @property
    def sender(self) -> Sender:
        """Who delivers to it."""
        return Sender(client(f"{self.url}/slipway"))


@contextmanager
def installed(database: AirflowDatabase, pushes: int) -> Iterator[Installation]:
    """Fill a database, and serve the routes on it."""
    engine = database.engine()
    with engine.begin() as connection:
        fill(connection, pushes)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    reception = Reception(
        session=lambda: session_of(engine), apps=apps, secrets=lambda _: KNOWN, keys=lambda: [KEY]
    )
    routes = Starlette(routes=[Mount("/slipway", create_app(reception))])
    with served(routes) as url, api_server(database) as login:
        yield Installation(database, engine, url, login)
    engine.dispose()


def create_copy(server: str, name: str, copy: str) -> str:
    """Copy a database beside the one that ``server`` names; return its URL."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {copy} TEMPLATE {name}"))
    engine.dispose()
    return server.rpartition("/")[0] + f"/{copy}"
