"""After hundreds of failed builds a good push is deployed as fast as before them, and nothing is pending."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, select

from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.push import PushEvent
from slipway.pushes.table import pushes
from tests.dags.pushing import REPOSITORY, Pushed, run_of
from tests.release.failed_builds import failures, forget, left_by, pending
from tests.release.releases import wait_for

FAILED, REAL = 600, 24
"""How many builds fail, and how many for real, at 3 s of CPU each: the others are copies of one's rows."""
TRIES = 3
"""The fastest of them counts: other work of the machine is nobody's fault."""


@pytest.fixture
def database(app: Pushed) -> Iterator[Engine]:
    engine = create_engine(app.lab.database)
    yield engine
    engine.dispose()


def over(database: Engine, push: PushEvent) -> dict[str, object]:
    """Return the row of a push that is over."""
    query = select(pushes).where(
        pushes.c.repository == push.repository, pushes.c.commit_id == push.commit, pushes.c.state == "over"
    )
    found: list[dict[str, object]] = []

    def is_over() -> bool:
        with database.connect() as connection:
            found[:] = [dict(row) for row in connection.execute(query).mappings()]
        return bool(found)

    wait_for(is_over)
    return found[0]


def seconds(app: Pushed, database: Engine) -> float:
    """Push something good, and return how long it took from the webhook to the deployment's end."""
    files = {
        "slipway.yaml": app.spec,
        "Dockerfile": "FROM scratch\nCOPY said /\n",
        "said": secrets.token_hex(8),
    }
    row = over(database, app.push(files, f"feature/{app.name}"))
    assert row["outcome"] == "deployed", row["reason"]
    return float((row["ended_at"] - row["received_at"]).total_seconds())


@pytest.mark.lab
@pytest.mark.alone
@pytest.mark.release
@pytest.mark.timeout(3600)
def test_after_600_failed_builds_a_good_push_is_deployed_as_fast_as_before(
    app: Pushed, database: Engine
) -> None:
    before = [seconds(app, database) for _ in range(TRIES + 1)][1:]  # the first one warms caches up
    failing = [app.push(broken(app), f"feature/{app.name}-{number}") for number in range(REAL)]
    failed = [over(database, push) for push in failing]
    assert {row["outcome"] for row in failed} == {"failed"}
    assert run_of(app.airflow, failing[0], PUSH).state == "success"
    assert run_of(app.airflow, failing[0]).tasks["base_images"] == "failed"
    try:
        with database.begin() as connection:
            left = left_by(connection, str(failed[0]["id"]))
            assert [len(left.rows[name]) for name in ("slipway_webhook_delivery", "dag_run")] == [1, 2]
            assert len(left.rows["task_instance"]) >= 5
            left.copy(connection, FAILED - REAL)
        with database.connect() as connection:
            assert failures(connection, REPOSITORY, f"refs/heads/feature/{app.name}-") == FAILED
            assert pending(connection, REPOSITORY) == {"pushes": 0, "runs": 0, "partitions": 0}
        after = [seconds(app, database) for _ in range(TRIES)]
        print(f"\nseconds from webhook to deployed: before {listed(before)}; after {listed(after)}")
        with database.connect() as connection:
            assert pending(connection, REPOSITORY) == {"pushes": 0, "runs": 0, "partitions": 0}
        assert app.airflow.find_run(DEPLOY, str(failed[0]["id"])) is None
        assert min(after) < 1.5 * min(before) + 2
    finally:
        with database.begin() as connection:
            forget(connection, str(failed[0]["ref"]))


def broken(app: Pushed) -> dict[str, str]:
    """Return files whose build fails: nobody has the image that it is based on."""
    return {"slipway.yaml": app.spec, "Dockerfile": f"FROM gone:{secrets.token_hex(4)}\n"}


def listed(times: list[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in times)
