"""Build-info documents, as rows: https://jfrog.com/help/r/jfrog-rest-apis/build-upload."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab.artifactory import clock
from lab.artifactory.refusal import Refusal

_STARTED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d{4})")
_REQUIRED = ("version", "name", "number", "started")


@dataclass(frozen=True)
class Build:
    """One run of a build; ``started`` as its document writes it."""

    name: str
    number: str
    started: str
    info: dict[str, Any]

    @property
    def moment(self) -> datetime:
        """When it started."""
        return clock.parse(self.started)


def read(document: Any) -> Build:
    """Check a document.

    :raises Refusal: 400 when it lacks a required field, or ``started`` is not as it must be.
    """
    if not isinstance(document, dict):
        raise Refusal(400, "Bad build-info: a JSON object is expected.")
    for field in _REQUIRED:
        if not isinstance(document.get(field), str) or not document[field]:
            raise Refusal(400, f"Bad build-info: field '{field}' is required, and is a string.")
    started = document["started"]
    try:
        moment = clock.parse(started) if _STARTED.fullmatch(started) else None
    except ValueError:
        moment = None
    if moment is None:
        raise Refusal(
            400, f"Bad build-info: 'started' must be as yyyy-MM-dd'T'HH:mm:ss.SSSZ, not '{started[:40]}'."
        )
    return Build(document["name"], document["number"], started, _without_null(document))


def put(db: sqlite3.Connection, build: Build) -> None:
    """Keep a build, in place of one of the same name, number and start."""
    row = (build.name, build.number, build.started, json.dumps(build.info))
    db.execute("INSERT OR REPLACE INTO builds VALUES (?, ?, ?, ?)", row)


def find(db: sqlite3.Connection, name: str | None = None, number: str | None = None) -> list[Build]:
    """Return the builds there are (of a name, of a number), the latest first."""
    rows = db.execute(
        "SELECT name, number, started, info FROM builds WHERE name = ifnull(?, name)"
        " AND number = ifnull(?, number)",
        (name, number),
    )
    found = [Build(row["name"], row["number"], row["started"], json.loads(row["info"])) for row in rows]
    return sorted(found, key=lambda build: build.moment, reverse=True)


def remove(db: sqlite3.Connection, builds: Sequence[Build]) -> None:
    """Forget builds."""
    keys = [(build.name, build.number, build.started) for build in builds]
    db.executemany("DELETE FROM builds WHERE name = ? AND number = ? AND started = ?", keys)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(below) for name, below in value.items() if below is not None}
    return [_without_null(below) for below in value] if isinstance(value, list) else value
