"""Airflow's ``airflow db clean``, by the policy of docs/airflow.md, removes nothing that Slipway needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from slipway.apiserver.client import ask_history, ask_kept, ask_pushes
from slipway.flow.push import PushEvent
from slipway.flow.retention.promises import rules
from tests.aged.installation import Installation
from tests.aged.operations import apps
from tests.server.sender import push

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]

CLEAN = ("-m", "airflow", "db", "clean", "--skip-archive", "--yes", "--clean-before-timestamp")
NOW = datetime.now(UTC)
KEPT = timedelta(days=90)
"""As docs/airflow.md says it."""
LOOKED_AT = 20


def old_pushes(installation: Installation) -> list[PushEvent]:
    """Return pushes that were deployed, and whose runs go."""
    query = """
        SELECT past->'push' FROM slipway_release WHERE at < now() - interval '120 days'
        ORDER BY at DESC LIMIT :most
    """
    with installation.engine.connect() as connection:
        return [PushEvent.from_json(one) for one in connection.scalars(text(query), {"most": LOOKED_AT})]


def runs(installation: Installation, until: datetime) -> int:
    query = text("SELECT count(*) FROM dag_run WHERE start_date < :until")
    with installation.engine.connect() as connection:
        return int(connection.scalar(query, {"until": until}) or 0)


def answers(installation: Installation, old: list[PushEvent]) -> dict[str, Any]:
    """What Slipway says of what ran, what runs, and what was pushed."""
    replayed = []
    for one in old:
        repository = {"full_name": one.repository, "pushed_at": int(one.at.timestamp())}
        answer = installation.sender.deliver(push(repository=repository, before="", after=one.commit))
        replayed.append((answer.json()["status"], answer.json()["push"]))
    known = ask_pushes(one.partition_key for one in old)
    return {
        "rollback": [ask_history([one.repository], "production", one.commit) for one in old],
        "retention": ask_kept(rules(apps(), NOW)),
        "redelivery": replayed,
        "reconciliation": {key: one.refs for key, one in known.items()},
    }


def test_what_ran_and_what_was_pushed_is_known_after_it(
    aged: Installation, patience: pytest.MonkeyPatch
) -> None:
    patience.setenv("SLIPWAY_URL", aged.url)
    old, until = old_pushes(aged), NOW - KEPT
    assert len(old) == LOOKED_AT
    before = answers(aged, old)
    assert {status for status, _ in before["redelivery"]} == {"already received"}
    assert runs(aged, until) > 0
    aged.database.python(*CLEAN, until.isoformat(), seconds=1800)
    assert runs(aged, until) == 0
    assert answers(aged, old) == before
