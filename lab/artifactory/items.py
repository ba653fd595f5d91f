"""Files and folders of repositories, as rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.artifactory import clock
from lab.artifactory.checksums import Checksums
from lab.artifactory.item_path import ItemPath
from lab.artifactory.refusal import Refusal

_FROM = "SELECT i.*, c.sha1, c.md5, c.size FROM items i LEFT JOIN content c USING (sha256)"
_SELECT = f"{_FROM} WHERE i.repo = ?"


@dataclass(frozen=True)
class Content:
    """What a file holds."""

    checksums: Checksums
    size: int
    original: Mapping[str, str]
    mime: str


@dataclass(frozen=True)
class Item:
    """A file (with content) or a folder (without), and its history."""

    id: int
    at: ItemPath
    content: Content | None
    created: str
    created_by: str
    modified: str
    modified_by: str
    updated: str
    downloads: int
    downloaded: str | None
    downloaded_by: str | None

    @property
    def is_folder(self) -> bool:
        """Say whether it is a folder."""
        return self.content is None


def find(db: sqlite3.Connection, at: ItemPath) -> Item | None:
    """Return the item at ``at``, or None."""
    place = (at.repo, at.folder, at.name)
    row = db.execute(f"{_SELECT} AND i.path = ? AND i.name = ?", place).fetchone()
    return None if row is None else _item(row)


def get(db: sqlite3.Connection, at: ItemPath) -> Item:
    """Return the item at ``at``.

    :raises Refusal: 404 when there is none.
    """
    if (item := find(db, at)) is None:
        raise Refusal(404, f"Unable to find item: '{at}'")
    return item


def where(db: sqlite3.Connection, condition: str, values: Iterable[str | int]) -> list[Item]:
    """Return the items that meet an SQL condition on ``i`` (items) and ``c`` (their content), by path."""
    rows = db.execute(f"{_FROM} WHERE {condition} ORDER BY i.repo, i.path, i.name", tuple(values))
    return [_item(row) for row in rows]


def children(db: sqlite3.Connection, at: ItemPath) -> list[Item]:
    """Return what is directly in folder ``at``, by name."""
    rows = db.execute(
        f"{_SELECT} AND i.path = ? AND i.name != '.' ORDER BY i.name", (at.repo, at.path or ".")
    )
    return [_item(row) for row in rows]


def below(db: sqlite3.Connection, at: ItemPath) -> list[Item]:
    """Return everything below folder ``at``, by path."""
    prefix = f"{at.path}/"
    inside = "" if at.is_root else " AND (i.path = ? OR substr(i.path, 1, ?) = ?)"
    values = () if at.is_root else (at.path, len(prefix), prefix)
    rows = db.execute(f"{_SELECT} AND i.name != '.'{inside} ORDER BY i.path, i.name", (at.repo, *values))
    return [_item(row) for row in rows]


def ensure_folder(db: sqlite3.Connection, at: ItemPath, user: str) -> Item:
    """Return folder ``at``, made with the folders above it where they were missing.

    :raises Refusal: 409 when a file is in the way.
    """
    if (found := find(db, at)) is not None:
        if not found.is_folder:
            raise Refusal(409, f"Expected a folder but found a file: '{at}'")
        return found
    if not at.is_root:
        ensure_folder(db, at.parent, user)
    _insert(db, at, None, user)
    return get(db, at)


def put_file(db: sqlite3.Connection, at: ItemPath, content: Content, user: str) -> Item:
    """Make or overwrite file ``at``; the content itself must be kept already.

    :raises Refusal: 409 when a folder is there, or a file is where a folder above it should be.
    """
    found = find(db, at)
    if found is not None and found.is_folder:
        raise Refusal(409, f"Expected a file but found a folder: '{at}'")
    if found is None:
        ensure_folder(db, at.parent, user)
        _insert(db, at, content, user)
    else:
        now = clock.now()
        db.execute(
            "UPDATE items SET sha256 = ?, original = ?, mime = ?, modified = ?, modified_by = ?, updated = ?"
            " WHERE id = ?",
            (
                *(content.checksums.sha256, json.dumps(dict(content.original)), content.mime),
                *(now, user, now, found.id),
            ),
        )
    return get(db, at)


def remove(db: sqlite3.Connection, at: ItemPath) -> set[str]:
    """Remove the item and all below it; of a repository, what it holds. Return SHA-256s that were let go."""
    gone = [item for item in [*below(db, at), find(db, at)] if item is not None and not item.at.is_root]
    db.executemany("DELETE FROM items WHERE id = ?", [(item.id,) for item in gone])
    return {item.content.checksums.sha256 for item in gone if item.content}


def count_download(db: sqlite3.Connection, item: Item, user: str) -> None:
    """Note that ``user`` fetched a file."""
    db.execute(
        "UPDATE items SET downloads = downloads + 1, downloaded = ?, downloaded_by = ? WHERE id = ?",
        (clock.now(), user, item.id),
    )


def _insert(db: sqlite3.Connection, at: ItemPath, content: Content | None, user: str) -> None:
    now = clock.now()
    kind, sha256, original, mime = ("folder", None, "{}", "")
    if content:
        kind, sha256 = "file", content.checksums.sha256
        original, mime = json.dumps(dict(content.original)), content.mime
    db.execute(
        "INSERT INTO items (repo, path, name, type, depth, sha256, original, mime,"
        " created, created_by, modified, modified_by, updated) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (at.repo, at.folder, at.name, kind, at.depth, sha256, original, mime, now, user, now, user, now),
    )


def _item(row: sqlite3.Row) -> Item:
    path = "" if row["name"] == "." else row["name"] if row["path"] == "." else f"{row['path']}/{row['name']}"
    content = None
    if row["type"] == "file":
        checksums = Checksums(row["sha256"], row["sha1"], row["md5"])
        content = Content(checksums, row["size"], json.loads(row["original"]), row["mime"])
    return Item(
        id=row["id"],
        at=ItemPath(row["repo"], path),
        content=content,
        **{name: row[name] for name in ("created", "created_by", "modified", "modified_by", "updated")},
        **{name: row[name] for name in ("downloads", "downloaded", "downloaded_by")},
    )
