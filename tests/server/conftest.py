"""A receiver on a database that Airflow made: SQLite always, PostgreSQL in the lab."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount
from tenacity import wait_none

from slipway.apiserver import client as asking
from slipway.apiserver.routes import create_app
from slipway.flow.recorded import RecordedPush
from slipway.pushes import store
from slipway.pushes.table import pushes
from slipway.webhook import transport
from slipway.webhook.reception import Reception
from slipway.webhook.table import deliveries, tally
from tests.served import client, served
from tests.server.airflow_database import AirflowDatabase, create_empty, drop, make
from tests.server.sender import APPS, KEY, KNOWN, Sender

EMPTIED = (
    "slipway_webhook_delivery",
    "slipway_push",
    "task_instance",
    "dag_run",
    "slipway_webhook_tally",
    "partitioned_asset_key_log",
    "asset_partition_dag_run",
    "asset_event",
)


@pytest.fixture(scope="session")
def sqlite_database(tmp_path_factory: pytest.TempPathFactory) -> AirflowDatabase:
    home = tmp_path_factory.mktemp("airflow-sqlite")
    return make(home, f"sqlite:///{home}/airflow.db")


@pytest.fixture(scope="session")
def postgresql_database(tmp_path_factory: pytest.TempPathFactory, lab: Any) -> Iterator[AirflowDatabase]:
    home = tmp_path_factory.mktemp("airflow-postgresql")
    name = f"slipway_test_{secrets.token_hex(4)}"
    url = create_empty(lab.database, name)
    yield make(home, url)
    drop(lab.database, name)


@pytest.fixture(
    params=[pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.lab)], scope="session"
)
def made(request: pytest.FixtureRequest) -> AirflowDatabase:
    database: AirflowDatabase = request.getfixturevalue(f"{request.param}_database")
    return database


@pytest.fixture
def engine(made: AirflowDatabase) -> Iterator[Engine]:
    """The database, emptied of what tests store."""
    engine = made.engine()
    with engine.begin() as connection:
        for table in EMPTIED:
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(
            text("UPDATE dag SET is_paused = false, is_stale = false, has_import_errors = false")
        )
    yield engine
    engine.dispose()


@contextmanager
def session_of(engine: Engine) -> Iterator[Session]:
    """A session as Airflow's ``create_session`` gives it."""
    with Session(engine) as session, session.begin():
        yield session


@pytest.fixture
def reception(engine: Engine) -> Reception:
    return Reception(
        session=lambda: session_of(engine), apps=lambda: APPS, secrets=lambda _: KNOWN, keys=lambda: [KEY]
    )


@pytest.fixture
def sender(reception: Reception) -> Iterator[Sender]:
    with served(create_app(reception)) as url, client(url) as http:
        yield Sender(http)


Rows = Callable[[], list[dict[str, Any]]]
Recorded = Callable[[], list[RecordedPush]]


@pytest.fixture
def inbox(engine: Engine) -> Rows:
    """What the inbox holds."""

    def rows() -> list[dict[str, Any]]:
        with engine.connect() as connection:
            query = select(deliveries).order_by(deliveries.c.received_at)
            return [dict(row) for row in connection.execute(query).mappings()]

    return rows


Counted = Callable[[int], list[dict[str, Any]]]


@pytest.fixture
def counted(engine: Engine) -> Counted:
    """Waits until so many refusals are counted in the database; returns the rows."""

    def rows(number: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 60
        while True:
            with engine.connect() as connection:
                query = select(tally).order_by(tally.c.http_status, tally.c.sender, tally.c.about)
                found = [dict(row) for row in connection.execute(query).mappings()]
            if (written := sum(row["number"] for row in found)) == number:
                return found
            assert written < number, found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    return rows


@pytest.fixture
def queued(engine: Engine) -> Callable[[], list[tuple[str, str]]]:
    """DAGs and partition keys of the runs that wait for the scheduler."""

    def rows() -> list[tuple[str, str]]:
        query = "SELECT dag_id, partition_key FROM dag_run WHERE state = 'queued' ORDER BY id"
        with engine.connect() as connection:
            return [(row[0], row[1]) for row in connection.execute(text(query))]

    return rows


@pytest.fixture
def recorded(engine: Engine) -> Callable[[], list[RecordedPush]]:
    """The pushes on record, in their order."""

    def rows() -> list[RecordedPush]:
        with engine.connect() as connection:
            found = connection.execute(select(pushes).order_by(pushes.c.at)).mappings()
            return [store.recorded(row) for row in found]

    return rows


@pytest.fixture
def checkout() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of questions, where tasks and triggers read it."""
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection(KEY))


def question_connection(password: str) -> str:
    """The connection whose password signs questions, as a variable of the environment."""
    return json.dumps({"conn_type": "generic", "password": password})


@pytest.fixture
def url(reception: Reception) -> Iterator[str]:
    """The address of what receives."""
    with served(create_app(reception)) as address:
        yield address


@pytest.fixture
def server(reception: Reception, monkeypatch: pytest.MonkeyPatch, key: None) -> Iterator[str]:
    """The API server, as a task finds it."""
    monkeypatch.setattr(asking._ask.retry, "wait", wait_none())
    # No test of questions judges how fast the machine is.
    monkeypatch.setattr(transport, "STORE_SECONDS", 300)
    with served(Starlette(routes=[Mount("/slipway", create_app(reception))])) as url:
        monkeypatch.setenv("SLIPWAY_URL", url)
        yield url
