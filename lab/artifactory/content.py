"""Content and its row: kept once, forgotten when no item has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from lab.artifactory.checksums import Checksums
from lab.artifactory.database import Database
from lab.artifactory.filestore import Filestore, Spool


def keep(db: sqlite3.Connection, files: Filestore, spool: Spool, checksums: Checksums) -> None:
    """Keep what came in, in the transaction that also makes an item of it."""
    if not files.path(checksums.sha256).is_file():
        files.take(spool, checksums.sha256)
    row = (checksums.sha256, checksums.sha1, checksums.md5, spool.size)
    db.execute("INSERT OR IGNORE INTO content VALUES (?, ?, ?, ?)", row)


def find(db: sqlite3.Connection, files: Filestore, kind: str, value: str) -> tuple[Checksums, int] | None:
    """Return checksums and size of the content whose ``kind`` (sha256, sha1) is ``value``, or None."""
    assert kind in ("sha256", "sha1")
    row = db.execute(f"SELECT * FROM content WHERE {kind} = ?", (value,)).fetchone()  # noqa: S608
    if row is None or not files.path(row["sha256"]).is_file():
        return None
    return Checksums(row["sha256"], row["sha1"], row["md5"]), row["size"]


def sweep(database: Database, files: Filestore, candidates: Iterable[str]) -> None:
    """Forget those of ``candidates`` (SHA-256) that no item has."""
    wanted = list(candidates)
    if not wanted:
        return
    with database.writing() as db:
        for sha256 in wanted:
            if db.execute("SELECT 1 FROM items WHERE sha256 = ?", (sha256,)).fetchone() is None:
                files.drop(sha256)
                db.execute("DELETE FROM content WHERE sha256 = ?", (sha256,))


def sweep_everything(database: Database, files: Filestore) -> None:
    """Forget what a crash left without an item."""
    with database.reading() as db:
        known = {row["sha256"] for row in db.execute("SELECT sha256 FROM content")}
        used = {row["sha256"] for row in db.execute("SELECT sha256 FROM items WHERE sha256 IS NOT NULL")}
    sweep(database, files, (known | set(files.everything())) - used)
