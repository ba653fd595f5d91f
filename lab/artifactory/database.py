"""What is known of items, properties and builds: one SQLite file in WAL mode, so that no crash breaks it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS repositories (
    key TEXT PRIMARY KEY,
    package_type TEXT NOT NULL,
    description TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS content (
    sha256 TEXT PRIMARY KEY,
    sha1 TEXT NOT NULL,
    md5 TEXT NOT NULL,
    size INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS content_by_sha1 ON content (sha1);
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY,
    repo TEXT NOT NULL REFERENCES repositories,
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('file', 'folder')),
    depth INTEGER NOT NULL,
    sha256 TEXT REFERENCES content,
    original TEXT NOT NULL DEFAULT '{}',
    mime TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL,
    created_by TEXT NOT NULL,
    modified TEXT NOT NULL,
    modified_by TEXT NOT NULL,
    updated TEXT NOT NULL,
    downloads INTEGER NOT NULL DEFAULT 0,
    downloaded TEXT,
    downloaded_by TEXT,
    UNIQUE (repo, path, name),
    CHECK ((type = 'file') = (sha256 IS NOT NULL))
) STRICT;
CREATE INDEX IF NOT EXISTS items_by_content ON items (sha256);
CREATE TABLE IF NOT EXISTS properties (
    item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (item, key, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS properties_by_value ON properties (key, value);
CREATE TABLE IF NOT EXISTS builds (
    name TEXT NOT NULL,
    number TEXT NOT NULL,
    started TEXT NOT NULL,
    info TEXT NOT NULL,
    PRIMARY KEY (name, number, started)
) STRICT;
"""


class Database:
    """The file; a connection a transaction, so that any thread may ask."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of everything."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of what the block changes, or nothing; one writer at a time."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection
