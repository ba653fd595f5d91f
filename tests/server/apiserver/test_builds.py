"""One build at a time of an image, asked for over the route: on both databases, by many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from airflow.models.dagrun import DagRun
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from slipway.apiserver.client import ask_to_build
from slipway.flow.single_flight import BuildClaim, Builder

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)


def claim(number: int, image: int = 1) -> BuildClaim:
    return BuildClaim(
        place="apps/shop/container",
        inputs=f"sha256:{image:064x}",
        mine=Builder(dag_id="container_image", run_id=f"run-{number}"),
    )


def builder(asked: BuildClaim) -> str:
    return ask_to_build(asked).builder.run_id


def become(engine: Engine, number: int, state: str) -> None:
    """Let the run of a claim come to a state."""
    with Session(engine) as session, session.begin():
        session.execute(text("DELETE FROM dag_run WHERE run_id = :id"), {"id": f"run-{number}"})
        session.add(
            DagRun(
                dag_id="container_image",
                run_id=f"run-{number}",
                run_type="manual",
                state=state,
                run_after=NOON,
            )
        )


@pytest.fixture
def runs(engine: Engine) -> Engine:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dag_run"))
        connection.execute(text("DELETE FROM slipway_build"))
    for number in range(4):
        become(engine, number, "running")
    return engine


def test_an_image_is_one_runs_to_build_until_that_is_over(server: str, runs: Engine) -> None:
    assert builder(claim(1)) == "run-1"
    assert builder(claim(2)) == "run-1"
    assert builder(claim(1)) == "run-1"  # a task that is tried again
    assert builder(claim(2, image=2)) == "run-2"
    elsewhere = claim(3).model_copy(update={"place": "apps/blog/container"})
    assert builder(elsewhere) == "run-3"
    become(runs, 1, "failed")
    assert builder(claim(2)) == "run-2"
    become(runs, 1, "queued")  # it was cleared
    assert builder(claim(1)) == "run-2"


def test_a_run_that_was_deleted_keeps_no_claim(server: str, runs: Engine) -> None:
    assert builder(claim(1)) == "run-1"
    with runs.begin() as connection:
        connection.execute(text("DELETE FROM dag_run WHERE run_id = 'run-1'"))
    assert builder(claim(2)) == "run-2"


def test_of_many_that_ask_at_the_same_time_one_builds(server: str, runs: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(builder, [claim(number) for number in range(4)]))
    assert len(found) == 1


def test_claims_of_runs_that_are_over_do_not_pile_up(server: str, runs: Engine) -> None:
    for image in range(10):
        assert builder(claim(1, image)) == "run-1"
    become(runs, 1, "success")
    assert builder(claim(2, image=20)) == "run-2"
    with runs.connect() as connection:
        assert connection.execute(text("SELECT run_id FROM slipway_build")).all() == [("run-2",)]
