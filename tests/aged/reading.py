"""What an operation has a database read, by PostgreSQL's own counts.

https://www.postgresql.org/docs/15/monitoring-stats.html#MONITORING-PG-STAT-ALL-TABLES-VIEW
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from sqlalchemy import Engine, NullPool, create_engine, text

BIG = 5_000
"""Rows of a table that is not to be read from its beginning."""
ROUNDS = 3
COUNTS = text("""
    SELECT relname, seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0), n_live_tup FROM pg_stat_user_tables
""")
# A backend writes down what it counted when it ends, if not before.
END = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> :mine")
LEFT = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND pid <> :mine")


@dataclass(frozen=True)
class Table:
    """Counts of one table."""

    scans: int
    rows: int
    size: int


@dataclass(frozen=True)
class Cost:
    """What one operation cost, each time that it was carried out."""

    seconds: float
    """In the middle of all rounds."""
    rows: int
    """That were read, of all tables, in a round."""
    from_the_beginning: tuple[str, ...]
    """The big tables that were."""


def measure(engine: Engine, do: Callable[[], object]) -> Cost:
    """Carry an operation out, once for its caches and then for :data:`ROUNDS`."""
    do()
    before, seconds = _counts(engine), list[float]()
    do()  # whose connections are new
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - begun)
    after = _counts(engine)
    return Cost(
        seconds=median(seconds),
        rows=sum(table.rows - before[name].rows for name, table in after.items()) // (ROUNDS + 1),
        from_the_beginning=tuple(
            name
            for name, table in sorted(after.items())
            if table.size > BIG and table.scans > before[name].scans
        ),
    )


def _counts(engine: Engine) -> dict[str, Table]:
    name = engine.url.database
    own = create_engine(engine.url, poolclass=NullPool)
    with own.connect() as connection:
        mine = {"name": name, "mine": connection.scalar(text("SELECT pg_backend_pid()"))}
        connection.execute(END, mine)
        deadline = time.monotonic() + 60
        while connection.scalar(LEFT, mine):
            assert time.monotonic() < deadline, "a connection does not end"
            connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        found = connection.execute(COUNTS).all()
    engine.dispose()
    return {table: Table(scans, rows, size) for table, scans, rows, size in found}
