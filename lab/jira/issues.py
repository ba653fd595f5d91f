"""Issues and their comments, in one SQLite file in WAL mode, so that no crash breaks it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.jira.projects import PROJECTS, Project, Status

_SCHEMA = """
CREATE TABLE IF NOT EXISTS issues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    number INTEGER NOT NULL,
    fields TEXT NOT NULL,
    status TEXT NOT NULL,
    UNIQUE (project, number)
) STRICT;
CREATE TABLE IF NOT EXISTS comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue INTEGER NOT NULL REFERENCES issues,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
"""


@dataclass(frozen=True)
class Issue:
    """One issue; ``fields`` are those that people write, as JSON types."""

    id: int
    project: Project
    number: int
    fields: Mapping[str, Any]
    status: Status

    @property
    def key(self) -> str:
        """``PROJECT-NUMBER``."""
        return f"{self.project.key}-{self.number}"


@dataclass(frozen=True)
class Comment:
    """A comment on an issue."""

    id: int
    author: str
    body: str
    created: str


def now() -> str:
    """Write the present as Jira does: ``2026-11-25T04:00:00.000+0000``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


class Issues:
    """The file; a connection a transaction, so that any thread may ask."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._path = root / "jira.db"
        with self._writing() as db:
            db.executescript(_SCHEMA)

    def create(self, project: Project, fields: Mapping[str, Any]) -> Issue:
        """Keep a new issue."""
        with self._writing() as db:
            last = db.execute("SELECT max(number) FROM issues WHERE project = ?", (project.key,)).fetchone()[
                0
            ]
            row = (project.key, (last or 0) + 1, json.dumps(dict(fields)), project.statuses[0].name)
            values = "INSERT INTO issues (project, number, fields, status) VALUES (?, ?, ?, ?)"
            made = db.execute(values, row).lastrowid
            return _issue(db.execute("SELECT * FROM issues WHERE id = ?", (made,)).fetchone())

    def find(self, key: str) -> Issue | None:
        """Return an issue by its key or id, or None."""
        project, _, number = key.rpartition("-")
        with self._reading() as db:
            row = db.execute(
                "SELECT * FROM issues WHERE (project = ? AND number = ?) OR (? = '' AND id = ?)",
                (project.upper(), number, project, number),
            ).fetchone()
        return _issue(row) if row else None

    def every(self) -> list[Issue]:
        """Return every issue, the oldest first."""
        with self._reading() as db:
            return [_issue(row) for row in db.execute("SELECT * FROM issues ORDER BY id")]

    def change(self, issue: Issue, fields: Mapping[str, Any], status: Status | None = None) -> None:
        """Write fields, and the status."""
        told = json.dumps({**issue.fields, **fields, "updated": now()})
        row = (told, (status or issue.status).name, issue.id)
        with self._writing() as db:
            db.execute("UPDATE issues SET fields = ?, status = ? WHERE id = ?", row)

    def comment(self, issue: Issue, author: str, body: str) -> Comment:
        """Keep a comment."""
        row = (issue.id, author, body, now())
        with self._writing() as db:
            values = "INSERT INTO comments (issue, author, body, created) VALUES (?, ?, ?, ?)"
            made = db.execute(values, row).lastrowid
        assert made is not None
        return Comment(made, *row[1:])

    def comments(self, issue: Issue) -> list[Comment]:
        """Return an issue's comments, the oldest first."""
        query = "SELECT id, author, body, created FROM comments WHERE issue = ? ORDER BY id"
        with self._reading() as db:
            return [Comment(*row) for row in db.execute(query, (issue.id,))]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        return connection


def _issue(row: sqlite3.Row) -> Issue:
    project = PROJECTS[row["project"]]
    fields = json.loads(row["fields"])
    return Issue(row["id"], project, row["number"], fields, project.status(row["status"]))
