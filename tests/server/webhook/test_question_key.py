"""The key of questions: who configured none has one made, once, whichever API server is asked first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from slipway.apiserver.client import ask_runs
from slipway.flow.record import TransientError
from slipway.webhook import question_key
from slipway.webhook.question_key import ServerKeys, task_key, trigger_key, words
from slipway.webhook.reception import Reception
from tests.server.airflow_database import AirflowDatabase
from tests.server.conftest import question_connection
from tests.server.sender import KEY

MADE = """
import json, logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from airflow.utils.session import create_session
from slipway.webhook.question_key import ServerKeys
sessions = partial(create_session, scoped=False)
servers = [ServerKeys(sessions) for _ in range(4)]
with ThreadPoolExecutor(4) as pool:
    print("KEYS", json.dumps([*pool.map(lambda server: server(), servers), servers[0]()]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_servers_that_are_asked_at_once_make_one_key(made: AirflowDatabase) -> None:
    [line] = [one for one in made.python("-c", MADE).splitlines() if one.startswith("KEYS ")]
    found = json.loads(line.removeprefix("KEYS "))
    assert len(found) == 5
    assert all(one == found[0] for one in found)
    assert [len(key) for key in found[0]] == [64]
    with made.engine().begin() as connection:
        query = "SELECT conn_type, password FROM connection WHERE conn_id = 'slipway_questions'"
        [row] = connection.execute(text(query)).all()
        connection.execute(text("DELETE FROM connection WHERE conn_id = 'slipway_questions'"))
    assert row.conn_type == "generic"


@contextmanager
def no_session() -> Iterator[Session]:
    with Session(create_engine("postgresql+psycopg2://nobody:s3cret@127.0.0.1:1/none")) as session:
        yield session
        session.commit()


def test_a_configured_key_is_read_and_kept_for_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ServerKeys(no_session)
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection("new old"))
    assert keys() == ["new", "old"]
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection("newer"))
    assert keys() == ["new", "old"]
    monkeypatch.setattr(question_key, "KEPT_SECONDS", -1.0)
    assert keys() == ["newer"]


async def test_tasks_and_triggers_sign_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection("new old"))
    assert task_key() == await trigger_key() == "new"
    assert words(None) == words(" ") == []


def test_a_task_that_asks_before_there_is_a_key_asks_again(
    server: str, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS")

    def made() -> list[str]:
        monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection(KEY))
        return [KEY]

    reception.keys = made
    assert ask_runs(["a"]) == {}


def test_without_a_key_nothing_is_answered(server: str, reception: Reception, monkeypatch: Any) -> None:
    monkeypatch.setattr("slipway.apiserver.client._ask.retry.stop", lambda state: True)
    reception.keys = list
    with pytest.raises(TransientError, match="503"):
        ask_runs(["a"])
