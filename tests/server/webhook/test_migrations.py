"""Slipway's tables, by Airflow's own commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from slipway.webhook.table import deliveries, metadata, tally, turns
from tests.server.airflow_database import AirflowDatabase

pytestmark = pytest.mark.slow

VERSION_TABLE = "alembic_version_slipway"
STEPS = """
import sys
from airflow import settings
settings.configure_orm()
from slipway.webhook.db import SlipwayDBManager
for call in sys.stdin:
    with settings.Session() as session:
        manager = SlipwayDBManager(session)
        exec(call)
        print("revision", SlipwayDBManager(session).get_current_revision(), manager.check_migration())
        sys.stdout.flush()
"""
Step = Callable[[str], str]


@pytest.fixture(scope="module")
def step(made: AirflowDatabase) -> Iterator[Step]:
    """Has a process with that Airflow's settings do one thing after the other: its start takes seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", STEPS],
        env=made.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, said = process.stdin, process.stdout

    def do(call: str) -> str:
        print(call, file=asked, flush=True)
        return next((line.strip() for line in said if line.startswith("revision ")), "it ended")

    yield do
    process.kill()
    process.communicate()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_airflow_makes_the_tables(step: Step, engine: Engine) -> None:
    assert {deliveries.name, tally.name, turns.name, VERSION_TABLE} <= tables(engine)
    assert step("pass") == "revision b3d09f4e6a52 True"


def test_going_back_and_forth_leaves_what_the_records_say(step: Step, engine: Engine) -> None:
    assert step("manager.downgrade('base')") == "revision None False"
    assert not {deliveries.name, tally.name, turns.name} & tables(engine)
    assert step("manager.upgradedb(use_migration_files=True)") == "revision b3d09f4e6a52 True"
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_airflows_own_tables_are_left_alone(step: Step, engine: Engine) -> None:
    before = tables(engine)
    step("manager.downgrade('base')")
    assert before - tables(engine) == {deliveries.name, tally.name, turns.name}
    step("manager.upgradedb()")
    assert tables(engine) == before
