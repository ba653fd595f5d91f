"""The properties of items, as rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from lab.artifactory.items import Item
from lab.artifactory.property_syntax import Properties


def of(db: sqlite3.Connection, item: Item) -> Properties:
    """Return an item's properties, by name."""
    found: Properties = {}
    rows = db.execute("SELECT key, value FROM properties WHERE item = ? ORDER BY key, value", (item.id,))
    for row in rows:
        found[row["key"]] = (*found.get(row["key"], ()), row["value"])
    return found


def put(db: sqlite3.Connection, items: Iterable[Item], properties: Properties) -> None:
    """Give each item each of ``properties``, in place of the values it had."""
    for item in items:
        remove(db, [item], properties)
        db.executemany(
            "INSERT OR IGNORE INTO properties VALUES (?, ?, ?)",
            [(item.id, name, value) for name, values in properties.items() for value in values],
        )


def remove(db: sqlite3.Connection, items: Iterable[Item], names: Iterable[str]) -> None:
    """Take the named properties from each item."""
    wanted = list(names)
    for item in items:
        db.executemany(
            "DELETE FROM properties WHERE item = ? AND key = ?", [(item.id, name) for name in wanted]
        )


def replace(db: sqlite3.Connection, item: Item, properties: Properties) -> None:
    """Let an item have just ``properties``."""
    db.execute("DELETE FROM properties WHERE item = ?", (item.id,))
    put(db, [item], properties)
