"""Failed builds by the hundred: the rows that a real one left, copied under other names."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Connection, MetaData, Table, func, select

from slipway.pushes.table import pushes

Row = dict[str, Any]
RUNS = "dag_run"
TABLES = {
    "slipway_push": "id",
    "slipway_webhook_delivery": "delivery",
    RUNS: "run_id",
    "dag_run_note": "dag_run_id",
    "task_instance": "run_id",
    "xcom": "run_id",
    "rendered_task_instance_fields": "run_id",
    "log": "run_id",
    "asset_event": "source_run_id",
    "asset_partition_dag_run": "partition_key",
}
"""What a push leaves, and the column by which it is found; a run stands before what refers to it."""


@dataclass(frozen=True)
class LeftRows:
    """All that a push left in the database, by table."""

    push: Row
    tables: Mapping[str, Table]
    rows: Mapping[str, list[Row]]

    def copy(self, connection: Connection, count: int) -> None:
        """Insert so many copies, each of another commit of another branch."""
        names = [self._names(number) for number in range(count)]
        runs: dict[tuple[int, int], int] = {}
        for name, table in self.tables.items():
            each = [(number, row) for number in range(count) for row in self.rows[name]]
            rows = [_copied(row, names[number], number, runs) for number, row in each]
            if name == RUNS:
                inserted = table.insert().returning(table.c.id, sort_by_parameter_order=True)
                ids = connection.scalars(inserted, rows)
                runs = {(number, row["id"]): new for (number, row), new in zip(each, ids, strict=True)}
            elif rows:
                connection.execute(table.insert(), rows)

    def _names(self, number: int) -> dict[str, str]:
        """Return what stands for what in a copy."""
        commit = secrets.token_hex(20)
        old = self.push["commit_id"]
        key = self.push["id"].replace(old[:12], commit[:12])
        return {
            self.push["id"]: re.sub(r"[0-9a-f]{8}$", secrets.token_hex(4), key),
            old: commit,
            old[:12]: commit[:12],
            self.push["delivery"]: str(uuid.uuid4()),
            self.push["ref"]: f"{self.push['ref']}-copy-{number}",
        }


def left_by(connection: Connection, key: str) -> LeftRows:
    """Return all that a push left.

    :param key: its id.
    """
    tables = {name: _table(connection, name) for name in TABLES}
    [push] = _rows(connection, tables["slipway_push"], "id", [key])
    found: dict[str, list[Row]] = {}
    for name, column in TABLES.items():
        values: Iterable[Any] = [key]
        if name == "slipway_webhook_delivery":
            values = [push["delivery"]]
        elif column == "dag_run_id":
            values = [run["id"] for run in found[RUNS]]
        elif column == "partition_key":
            values = {run["partition_key"] for run in found[RUNS]}
        found[name] = _rows(connection, tables[name], column, values)
    return LeftRows(push, tables, found)


def pending(connection: Connection, repository: str) -> dict[str, int]:
    """Count what is still to come of a repository's pushes: pushes, runs, and pending runs of partitions."""
    runs, parts = _table(connection, RUNS), _table(connection, "asset_partition_dag_run")
    of = f"{repository}@%"
    queries = {
        "pushes": select(func.count()).where(pushes.c.repository == repository, pushes.c.state != "over"),
        "runs": select(func.count()).where(
            runs.c.partition_key.like(of), runs.c.state.in_(("queued", "running"))
        ),
        "partitions": select(func.count()).where(
            parts.c.partition_key.like(of), parts.c.created_dag_run_id.is_(None)
        ),
    }
    return {name: int(connection.scalar(query) or 0) for name, query in queries.items()}


def failures(connection: Connection, repository: str, ref: str) -> int:
    """Count the failed pushes of refs that begin so, each of which has a failed build."""
    runs = _table(connection, RUNS)
    failed = (runs.c.run_id == pushes.c.id, runs.c.dag_id == "container_image", runs.c.state == "failed")
    query = select(func.count()).where(
        pushes.c.repository == repository,
        pushes.c.ref.startswith(ref),
        pushes.c.outcome == "failed",
        select(runs.c.id).where(*failed).exists(),
    )
    return int(connection.scalar(query) or 0)


def forget(connection: Connection, ref: str) -> None:
    """Remove the copies of a ref's push, and their runs with all that they left."""
    copies = pushes.c.ref.like(f"{ref}-copy-%")
    keys = list(connection.scalars(select(pushes.c.id).where(copies)))
    for name, column in {"log": "run_id", "asset_event": "source_run_id", RUNS: "run_id"}.items():
        table = _table(connection, name)
        connection.execute(table.delete().where(table.c[column].in_(keys)))
    inbox = _table(connection, "slipway_webhook_delivery")
    connection.execute(inbox.delete().where(inbox.c.ref.like(f"{ref}-copy-%")))
    connection.execute(pushes.delete().where(copies))


def _rows(connection: Connection, table: Table, column: str, values: Iterable[Any]) -> list[Row]:
    query = select(table).where(table.c[column].in_(list(values)))
    return [dict(row) for row in connection.execute(query).mappings()]


def _table(connection: Connection, name: str) -> Table:
    table = Table(name, MetaData(), autoload_with=connection)
    for column in table.c:
        if isinstance(column.type, JSON):
            column.type.none_as_null = True  # what was NULL stays so
    return table


def _copied(row: Row, names: Mapping[str, str], number: int, runs: Mapping[tuple[int, int], int]) -> Row:
    """Return a row under other names, with keys of its own."""
    copied = {column: _replaced(value, names) for column, value in row.items()}
    if isinstance(row.get("id"), uuid.UUID):
        copied["id"] = uuid.uuid4()
    elif isinstance(row.get("id"), int):
        del copied["id"]
    if "dag_run_id" in row:
        copied["dag_run_id"] = runs[number, row["dag_run_id"]]
    return copied


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict | list):
        return json.loads(_replaced(json.dumps(value), names))
    if not isinstance(value, str):
        return value
    for old, new in names.items():
        value = value.replace(old, new)
    return value
