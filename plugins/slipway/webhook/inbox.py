"""The inbox of deliveries: takes each once, records the refused ones, finds one, deletes old ones.

Bounds: accepted deliveries are kept for :data:`KEPT`; of the refused, the ignored and the pongs the newest
:data:`NEWEST` each, so that a sender of refused deliveries cannot fill the database.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from slipway.pushes.dialect import DIALECTS
from slipway.webhook.search import Search, finds
from slipway.webhook.table import deliveries
from slipway.webhook.verdict import Accepted, Delivery, Ignored, Pong, Refused, Status

KEPT = timedelta(days=90)
NEWEST = 10_000
PAYLOAD_BYTES = 256 * 1024
SEARCHED = 2_000
_TAKE = {
    name: dialect.insert(deliveries).on_conflict_do_nothing().returning(deliveries.c.id)
    for name, dialect in DIALECTS.items()
}


def take(session: Session, accepted: Accepted, now: datetime, sender: str, size: int) -> bool:
    """Store an accepted delivery; False when its id was stored before.

    A second transaction with the same id waits here for the first one's end.

    :param size: bytes of the body; the payload of a body over :data:`PAYLOAD_BYTES` is not kept.
    """
    delivery = accepted.delivery
    row = _row(delivery, now, sender) | {
        "id": f"{delivery.source}/{delivery.id}",
        "status": "accepted",
        "http_status": 202,
        "partition_key": accepted.reported.push.partition_key if accepted.reported else None,
        "payload": dict(delivery.payload) if size <= PAYLOAD_BYTES else None,
    }
    return session.execute(_TAKE[session.get_bind().dialect.name], row).first() is not None


def note(session: Session, verdict: Pong | Ignored | Refused, now: datetime, sender: str) -> None:
    """Record a refused delivery."""
    status, code, reason = _outcome(verdict)
    row = _row(verdict.delivery, now, sender)
    row |= {"id": str(uuid.uuid4()), "status": status, "http_status": code, "reason": reason[:500]}
    session.execute(deliveries.insert().values(row))


def _outcome(verdict: Pong | Ignored | Refused) -> tuple[Status, int, str]:
    match verdict:
        case Pong():
            return "pong", 200, ""
        case Ignored():
            return "ignored", 202, verdict.reason
        case Refused():
            return "refused", verdict.status, verdict.reason


def _row(delivery: Delivery, now: datetime, sender: str) -> dict[str, Any]:
    return {
        "source": delivery.source,
        "delivery": delivery.id,
        "received_at": now,
        "event": delivery.event,
        "action": delivery.action,
        "repository": delivery.repository,
        "ref": delivery.ref[:512],
        "commit_id": delivery.commit,
        "reason": "",
        "sender": sender[:64],
    }


def find(session: Session, search: Search) -> Mapping[str, Any] | None:
    """Return the oldest stored delivery that ``search`` finds, or None."""
    columns = deliveries.c
    query = (
        select(deliveries)
        .where(
            columns.status == "accepted",
            columns.source == search.source,
            columns.event == search.event,
            columns.received_at >= search.since,
        )
        .order_by(columns.received_at)
        .limit(SEARCHED)
        .execution_options(yield_per=100)
    )
    rows = session.execute(query).mappings()
    return next((row for row in map(dict, rows) if finds(search, row)), None)


def prune(session: Session, now: datetime) -> None:
    """Delete what exceeds the bounds."""
    columns = deliveries.c
    session.execute(delete(deliveries).where(columns.status == "accepted", columns.received_at < now - KEPT))
    for status in ("refused", "ignored", "pong"):
        of_status = columns.status == status
        newest = select(columns.received_at).where(of_status).order_by(columns.received_at.desc())
        if (oldest := session.scalar(newest.offset(NEWEST).limit(1))) is not None:
            session.execute(delete(deliveries).where(of_status, columns.received_at <= oldest))
