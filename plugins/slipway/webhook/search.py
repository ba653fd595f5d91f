"""A search for a stored delivery: the question of ``WebhookSensor`` to the API server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from slipway.flow.moments import UtcMoment
from slipway.flow.record import Record
from slipway.webhook.payload import pick

Scalar = str | int | float | bool | None
_COLUMNS = {"action": "action", "repository": "repository", "ref": "ref", "commit": "commit_id"}


class Search(Record):
    """The oldest accepted delivery of ``event`` since ``since`` whose fields equal ``match``."""

    source: str = Field(default="github", max_length=40)
    event: str = Field(max_length=64)
    since: UtcMoment
    match: dict[Annotated[str, Field(max_length=255)], Scalar] = Field(default={}, max_length=20)
    """``repository``, ``ref``, ``commit`` and ``action`` as stored, or a path into the payload
    (``workflow_run.head_branch``, ``commits.0.id``), and what each must equal."""


def finds(search: Search, row: Mapping[str, Any]) -> bool:
    """Say whether a row of the inbox matches ``search``."""
    payload = row["payload"] or {}
    return all(
        _equal(row[_COLUMNS[path]] if path in _COLUMNS else pick(payload, path), wanted)
        for path, wanted in search.match.items()
    )


def _equal(value: Any, wanted: Scalar) -> bool:
    """Compare as JSON does: true is not 1."""
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def reply(row: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """Return the answer to a search, as JSON: the delivery or null, and the server's time."""
    found = None
    if row is not None:
        kept = ("source", "delivery", "event", "action", "repository", "ref", "payload")
        found = {name: row[name] for name in kept} | {
            "commit": row["commit_id"],
            "received_at": row["received_at"].isoformat(),
        }
    return {"delivery": found, "now": now.isoformat()}
