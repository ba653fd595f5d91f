"""The key that signs what tasks and triggers ask the API server. No webhook knows it.

It is the password of connection ``slipway_questions``. Tasks and triggers read it as every connection, so
Airflow hands it only to who has a task's token. Where nobody configured it, the API server makes it
at the first question and stores it in Airflow's database.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from airflow.exceptions import AirflowNotFoundException
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

CONNECTION = "slipway_questions"
KEPT_SECONDS = 15.0
_DESCRIPTION = "Slipway made it: signs what tasks ask the API server (docs/connections.md)"


class ServerKeys:
    """The keys inside the API server: any of them may sign, so that the key can be changed without a gap.

    :param sessions: opens a session that commits when its block ends well.
    """

    def __init__(self, sessions: Callable[[], AbstractContextManager[Session]]) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._known: tuple[float, list[str]] = (0.0, [])

    def __call__(self) -> list[str]:
        """Return the keys, read again every few seconds; none when there are none to read. Blocks."""
        with self._lock:
            read_at, keys = self._known
            if not keys or time.monotonic() - read_at > KEPT_SECONDS:
                self._known = (time.monotonic(), self._read() or self._make())
            return self._known[1]

    def _read(self) -> list[str]:
        from airflow.models.connection import Connection

        try:
            return words(Connection.get_connection_from_secrets(CONNECTION).password)
        except AirflowNotFoundException:
            return []

    def _make(self) -> list[str]:
        """Store a new key, or read the one that another API server stored meanwhile."""
        from airflow.models.connection import Connection

        made = Connection(
            conn_id=CONNECTION,
            conn_type="generic",
            password=secrets.token_hex(32),
            description=_DESCRIPTION,
        )
        try:
            with self._sessions() as session:
                session.add(made)
        except IntegrityError:
            return self._read()
        except SQLAlchemyError:
            log.exception("connection %s could not be stored; the next question tries again", CONNECTION)
            return []
        log.info("made connection %s, whose password signs the questions of tasks", CONNECTION)
        return self._read()


def words(password: str | None) -> list[str]:
    """Return the keys that a password holds: the first signs, any is good."""
    return (password or "").split()


def task_key() -> str:
    """Return the key inside a task; "" when there is none yet."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException as NotFound

    try:
        password = BaseHook.get_connection(CONNECTION).password
    except (NotFound, AirflowNotFoundException):
        return ""
    return next(iter(words(password)), "")


async def trigger_key() -> str:
    """Return the key inside the triggerer, which asks its supervisor for the connection; "" for none yet."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException as NotFound

    try:
        password = (await BaseHook.aget_connection(CONNECTION)).password
    except (NotFound, AirflowNotFoundException):
        return ""
    return next(iter(words(password)), "")
