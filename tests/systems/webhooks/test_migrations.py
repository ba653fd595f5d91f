"""Slipway's tables, by Airflow's own commands."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from slipway.webhooks.table import deliveries, metadata, turns
from tests.systems.webhooks.airflow_database import AirflowDatabase

pytestmark = pytest.mark.slow

VERSION_TABLE = "alembic_version_slipway"
STEP = """
from airflow import settings
settings.configure_orm()
from slipway.webhooks.db import SlipwayDBManager
with settings.Session() as session:
    manager = SlipwayDBManager(session)
    {call}
    print("revision", SlipwayDBManager(session).get_current_revision(), manager.check_migration())
"""


def step(database: AirflowDatabase, call: str) -> str:
    return database.python("-c", STEP.format(call=call)).splitlines()[-1]


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_airflow_makes_the_tables(made: AirflowDatabase, engine: Engine) -> None:
    assert {deliveries.name, turns.name, VERSION_TABLE} <= tables(engine)
    assert step(made, "pass") == "revision 8f2b7c94d310 True"


def test_going_back_and_forth_leaves_what_the_records_say(made: AirflowDatabase, engine: Engine) -> None:
    assert step(made, "manager.downgrade('base')") == "revision None False"
    assert not {deliveries.name, turns.name} & tables(engine)
    assert step(made, "manager.upgradedb(use_migration_files=True)") == "revision 8f2b7c94d310 True"
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_airflows_own_tables_are_left_alone(made: AirflowDatabase, engine: Engine) -> None:
    before = tables(engine)
    step(made, "manager.downgrade('base')")
    assert before - tables(engine) == {deliveries.name, turns.name}
    step(made, "manager.upgradedb()")
    assert tables(engine) == before
