"""SQLite under writers that meet, and under many short requests.

SQLAlchemy lets SQLite begin a transaction without a lock. Two that have read and then want to write cannot
both go on: one fails at once, "database is locked". With the lock taken at the beginning, the second waits.

oslo.db opens a connection for each session. Each reads the schema of some hundred tables anew, and the last
one that is closed writes the log back into the file and removes it. Here they are kept.

https://www.sqlite.org/lang_transaction.html, https://www.sqlite.org/wal.html
"""

from __future__ import annotations

from typing import Any

from oslo_db.sqlalchemy import enginefacade, engines
from sqlalchemy import event, pool
from sqlalchemy.engine import URL, Engine

WAIT_MILLISECONDS = 30_000
KEPT = 20
"""How many connections of an engine are kept; there may be more for a while."""
READS = "lab_reads"
"""Execution option of a connection that writes nothing."""


def lock_at_begin() -> None:
    """Make every engine of this process take SQLite's write lock at ``BEGIN``."""
    event.listen(Engine, "connect", _on_connect)
    event.listen(Engine, "before_cursor_execute", _on_execute, retval=True)


def keep_connections() -> None:
    """Make every engine of this process keep its connections.

    oslo.db calls what is registered for a dialect in turn: this comes after its own.

    https://docs.sqlalchemy.org/en/20/core/pooling.html
    """
    engines._init_connection_args.dispatch_for("sqlite")(_kept)


def _kept(url: URL, settings: dict[str, Any], _: Any) -> None:
    if url.database:
        settings |= {"poolclass": pool.QueuePool, "pool_size": KEPT, "max_overflow": -1}
        settings["pool_pre_ping"] = False
        settings["connect_args"]["check_same_thread"] = False


def read_without_lock() -> None:
    """Let sessions that the service opened for reading begin without the lock: in WAL they wait for no other.

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
