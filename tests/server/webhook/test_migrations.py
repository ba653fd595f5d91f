"""Slipway's tables, by Airflow's own commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text

from slipway.flow.ended import Ended
from slipway.flow.push import PushEvent
from slipway.flow.ref_order import Reported
from slipway.pushes import releases, store
from slipway.pushes.receiving import receive
from slipway.pushes.table import outcomes
from slipway.webhook.table import metadata
from tests.flow.builders import deployed
from tests.server.airflow_database import AirflowDatabase
from tests.server.conftest import session_of

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
    assert {*metadata.tables, VERSION_TABLE} <= tables(engine)
    assert step("pass") == "revision e7a2c4180d93 True"


def test_going_back_and_forth_leaves_what_the_records_say(step: Step, engine: Engine) -> None:
    assert step("manager.downgrade('base')") == "revision None False"
    assert not {*metadata.tables} & tables(engine)
    assert step("manager.upgradedb(use_migration_files=True)") == "revision e7a2c4180d93 True"
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
    assert before - tables(engine) == {*metadata.tables}
    assert sorted(metadata.tables) == [
        "slipway_build",
        "slipway_freeze",
        "slipway_outcome",
        "slipway_push",
        "slipway_release",
        "slipway_turn",
        "slipway_webhook_delivery",
        "slipway_webhook_tally",
    ]
    step("manager.upgradedb()")
    assert tables(engine) == before


BEFORE = [
    # ref, commit, rebuild, minute of 2030
    ("refs/heads/main", "1" * 40, "", 1),
    ("refs/heads/main", "2" * 40, "", 2),
    ("refs/heads/main", "2" * 40, "2030-01-02", 3),
    ("refs/tags/v1", "2" * 40, "", 4),
    ("refs/heads/next", "3" * 40, "", 5),
]


def test_pushes_of_before_are_taken_over(step: Step, engine: Engine) -> None:
    step("manager.downgrade('8f2b7c94d310')")
    when = {"now": datetime(2030, 1, 1, tzinfo=UTC)}
    with engine.begin() as connection:
        asset = 'INSERT INTO asset (name, uri, "group", extra, created_at, updated_at) '
        connection.execute(text(asset + "VALUES ('slipway_push', 'a', '', '{}', :now, :now)"), when)
        number = connection.scalar(text("SELECT id FROM asset WHERE name = 'slipway_push'"))
        event = text(
            "INSERT INTO asset_event (asset_id, extra, timestamp, partition_key) "
            "VALUES (:asset, :extra, :at, '')"
        )
        for ref, commit, rebuild, minute in BEFORE:
            at = datetime(2030, 1, 1, 0, minute, tzinfo=UTC)
            push = PushEvent(repository="Octo/Hello", ref=ref, commit=commit, rebuild=rebuild, at=at)
            extra = json.dumps({"push": push.to_json()})
            connection.execute(event, {"asset": number, "extra": extra, "at": at})
        connection.execute(event, {"asset": number, "extra": '{"from": "a person"}', "at": when["now"]})
        pending = text(
            "INSERT INTO asset_partition_dag_run (target_dag_id, partition_key, created_at, updated_at) "
            "VALUES (:dag, :key, :now, :now)"
        )
        for dag in ("deploy", "notify"):
            connection.execute(pending, when | {"dag": dag, "key": "Octo/Hello@" + "3" * 40})
    assert step("manager.upgradedb(use_migration_files=True)") == "revision e7a2c4180d93 True"
    with session_of(engine) as session:
        left = list(session.scalars(text("SELECT target_dag_id FROM asset_partition_dag_run")))
        assert left == ["notify"]
        assert store.not_over(session, datetime(2040, 1, 1, tzinfo=UTC), 9) == []
        push = PushEvent(repository="octo/hello", ref="refs/heads/main", commit="2" * 40)
        assert receive(session, Reported(push=push, source="sweep")).placed.verdict == "known"
        assert {(one.push.ref, one.push.commit) for one in store.of_commits(session, [key(push)])} == {
            ("refs/heads/main", "2" * 40),
            ("refs/tags/v1", "2" * 40),
        }
        under_way = push.model_copy(update={"ref": "refs/heads/next", "commit": "3" * 40})
        assert store.of_ref(session, under_way) == []


def test_what_ran_and_was_reported_before_is_taken_over(step: Step, engine: Engine) -> None:
    step("manager.downgrade('b3d09f4e6a52')")
    began = datetime(2030, 1, 1, tzinfo=UTC)
    ended = Ended(
        dag_id="deploy",
        run_id="run",
        good=False,
        repository="octo/shop",
        ref="refs/heads/main",
        environment="production",
        pushed_at=began,
    )
    made = [deployed(commit, minutes) for minutes, commit in enumerate("aba")]
    events: list[tuple[str, Any]] = [("slipway_deployment", one.to_json()) for one in made]
    events += [("slipway_deployment", {"from": "a person"}), ("slipway_outcome", {"ended": ended.to_json()})]
    with engine.begin() as connection:
        asset = 'INSERT INTO asset (name, uri, "group", extra, created_at, updated_at) '
        for name in ("slipway_deployment", "slipway_outcome"):
            connection.execute(text("DELETE FROM asset WHERE name = :name"), {"name": name})
            connection.execute(
                text(asset + "VALUES (:name, :name, '', '{}', :now, :now)"), {"name": name, "now": began}
            )
        event = text(
            "INSERT INTO asset_event (asset_id, extra, timestamp) "
            "SELECT id, :extra, :at FROM asset WHERE name = :name"
        )
        for minute, (name, extra) in enumerate(events):
            at = began + timedelta(minutes=minute)
            connection.execute(event, {"name": name, "extra": json.dumps(extra), "at": at})
    assert step("manager.upgradedb(use_migration_files=True)") == "revision e7a2c4180d93 True"
    with session_of(engine) as session:
        found = releases.choice(session, ["Octo/Shop"], "production")
        assert [(one.past.push.commit[0], one.past.before[:1]) for one in found] == [("a", ""), ("b", "a")]
        assert found[0].deployments == {"container": made[2]}
        assert [Ended.from_json(one) for one in session.scalars(select(outcomes.c.ended))] == [ended]


def key(push: PushEvent) -> tuple[str, str, str]:
    return push.repository, push.commit, push.rebuild
