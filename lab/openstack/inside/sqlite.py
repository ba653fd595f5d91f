"""SQLite under writers that meet.

SQLAlchemy lets SQLite begin a transaction without a lock. Two that have read and then want to write cannot
both go on: one fails at once, "database is locked". With the lock taken at the beginning, the second waits.

https://www.sqlite.org/lang_transaction.html
"""

from __future__ import annotations

from typing import Any

from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import event
from sqlalchemy.engine import Engine

WAIT_MILLISECONDS = 30_000
READS = "lab_reads"
"""Execution option of a connection that writes nothing."""


def lock_at_begin() -> None:
    """Make every engine of this process take SQLite's write lock at ``BEGIN``."""
    event.listen(Engine, "connect", _on_connect)
    event.listen(Engine, "before_cursor_execute", _on_execute, retval=True)


def read_without_lock() -> None:
    """Let sessions that the service opened for reading begin without the lock: in WAL they wait for nobody.

    Without it hundreds of threads that read wait for each other, and SQLite lets them wait by sleeping.

    https://docs.openstack.org/oslo.db/latest/user/usage.html
    """
    factory = enginefacade._TransactionFactory
    made = factory._create_session

    def create(self: Any, mode: Any, bind: Any = None) -> Any:
        session = made(self, mode, bind)
        if mode is not enginefacade._WRITER and bind is None:
            session.bind = session.bind.execution_options(**{READS: True})
        return session

    factory._create_session = create


def _on_connect(connection: Any, _: Any) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute(f"PRAGMA busy_timeout = {WAIT_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")


def _on_execute(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> tuple[str, Any]:
    del cursor, context, many
    if statement == "BEGIN" and connection.dialect.name == "sqlite":
        reads = connection.get_execution_options().get(READS, False)
        statement = "BEGIN" if reads else "BEGIN IMMEDIATE"
    return statement, parameters
