"""The rows of a run are those that Airflow's own ``create_dagrun`` writes, for fewer statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.models.dag_version import DagVersion
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from slipway.flow.push import PushEvent
from slipway.flow.push_progress import PushStep
from slipway.flow.recorded import RecordedPush
from slipway.flow.ref_order import Reported
from slipway.pushes import store
from slipway.pushes.starting import start
from tests.server.conftest import Recorded, session_of
from tests.server.sender import COMMIT, Sender, push

PUSH = PushEvent(repository="octo/hello", ref="refs/heads/main", commit=COMMIT)
OWN = {"id", "run_id", "context_carrier"}
"""Each run has its own."""


def record(session: Session, key: str) -> RecordedPush:
    reported = Reported(push=PUSH, source="person")
    return store.insert(session, key, reported, PUSH.at, PUSH.at, PushStep(state="looking"))


def create_by_airflow(session: Session, dag_id: str, run_id: str) -> None:
    """Create a run as Airflow's REST API does."""
    version = DagVersion.get_latest_version(dag_id, session=session)
    assert version is not None
    dag: Any = DBDagBag(load_op_links=False).get_dag(version.id, session=session)
    dag.create_dagrun(
        run_id=run_id,
        run_after=datetime.now(UTC),
        conf={"push": PUSH.to_json()},
        run_type=DagRunType.MANUAL,
        triggered_by=DagRunTriggeredByType.ASSET,
        state=DagRunState.QUEUED,
        partition_key=PUSH.partition_key,
        session=session,
    )


def rows(session: Session, model: Any, run_id: str) -> list[dict[str, Any]]:
    """What two runs have in common: of a time, that there is one; of a carrier, what it carries."""
    table = model.__table__
    found = session.execute(select(table).where(table.c.run_id == run_id)).mappings()
    common = [
        {
            name: "a time" if isinstance(value, datetime) else value
            for name, value in row.items()
            if name not in OWN
        }
        | {"carries": sorted(row["context_carrier"])}
        for row in found
    ]
    return sorted(common, key=lambda row: (row.get("task_id", ""), row.get("map_index", 0)))


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


@pytest.mark.parametrize(("dag_id", "tasks"), [("push", 0), ("two_tasks", 2), ("mapped_task", 2)])
def test_rows_are_airflows(engine: Engine, dag_id: str, tasks: int) -> None:
    with session_of(engine) as session:
        create_by_airflow(session, dag_id, "manual~airflow")
        start(session, dag_id, record(session, "push~ours"))
        for model, number in ((DagRun, 1), (TaskInstance, tasks)):
            expected = rows(session, model, "manual~airflow")
            assert len(expected) == number
            assert rows(session, model, "push~ours") == expected


def test_run_costs_three_statements(engine: Engine) -> None:
    with session_of(engine) as session:
        start(session, "two_tasks", record(session, "push~first"))  # reads the DAG
        one = record(session, "push~second")
        with statements(engine) as seen:
            start(session, "two_tasks", one)
        assert [statement.split()[0] for statement in seen] == ["SELECT", "INSERT", "INSERT"]
        start(session, "two_tasks", one)
        assert len(rows(session, DagRun, one.id)) == 1


def test_delivery_costs_few_statements(engine: Engine, sender: Sender, recorded: Recorded) -> None:
    sender.deliver(push())
    with statements(engine) as seen:
        assert sender.deliver(push(after="1" * 40, before=COMMIT)).status_code == 202
    assert len(recorded()) == 2
    assert len(seen) <= 8, seen
