"""Refusals whose number the sender decides: strangers', and those over a limit. They are counted, not kept.

A count is kept in memory at first and written once a second at most, so that a flood costs the database one
transaction a second and some rows, and deletes nothing of what is kept of signed deliveries.
Counts that are not written when the process ends are lost.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from slipway.pushes.dialect import insert_into
from slipway.webhook.table import tally
from slipway.webhook.transport import Sessions
from slipway.webhook.verdict import Refused

log = logging.getLogger(__name__)

MOST = 1_000
"""Rows of strangers, as many of signed requests, and the same in memory; more are :data:`OTHERS` there."""
OTHERS = "others"
WRITE_SECONDS = 1.0

_Key = tuple[str, int, str, bool]


@dataclass(frozen=True)
class Count:
    """Refusals of one sender, and the last of them."""

    number: int
    first_at: datetime
    last_at: datetime
    last: Refused


class Tally:
    """Counts refusals; used in one event loop, and from the threads that it starts."""

    def __init__(self, session: Sessions) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._counts: dict[_Key, Count] = {}
        self._keys: Counter[bool] = Counter()
        self._writing: asyncio.Task[None] | None = None

    def count(self, refused: Refused, sender: str, now: datetime) -> None:
        """Count one refusal, in memory; from any thread."""
        key = (sender[:64], refused.status, refused.about[:255], refused.signed)
        last = replace(refused, delivery=replace(refused.delivery, payload={}))
        with self._lock:
            if key not in self._counts and self._keys[refused.signed] >= MOST:
                key = (OTHERS, refused.status, "", refused.signed)
            before = self._counts.get(key)
            self._keys[refused.signed] += before is None
            number, first = (before.number + 1, before.first_at) if before else (1, now)
            self._counts[key] = Count(number, first, now, last)

    def __len__(self) -> int:
        """Return how many counts are in memory."""
        return len(self._counts)

    def write_soon(self) -> None:
        """Have what was counted written, in a moment and beside what the event loop does."""
        if self._counts and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        while self._counts:
            await asyncio.to_thread(self.write)
            await asyncio.sleep(WRITE_SECONDS)

    def write(self) -> None:
        """Write what was counted. Blocks; what cannot be written is lost, and logged."""
        with self._lock:
            counts, self._counts = self._counts, {}
            self._keys.clear()
        if not counts:
            return
        (sender, status, *_), most = max(counts.items(), key=lambda one: one[1].number)
        number = sum(count.number for count in counts.values())
        log.warning(
            "webhook: %d requests refused, %d of them from %s with %d: %s",
            *(number, most.number, sender, status, most.last.reason),
        )
        try:
            with self._session() as session:
                _add(session, counts.items())
                _prune(session)
        except SQLAlchemyError:
            log.exception("%d counts of refused requests are not stored", len(counts))


def _add(session: Session, counts: Iterable[tuple[_Key, Count]]) -> None:
    # In one order, so that two API servers that write at once do not wait for each other in a circle.
    rows = [
        {
            "sender": sender,
            "http_status": status,
            "about": about,
            "signed": signed,
            "number": count.number,
            "first_at": count.first_at,
            "last_at": count.last_at,
            "delivery": count.last.delivery.id,
            "event": count.last.delivery.event,
            "reason": count.last.reason[:500],
        }
        for (sender, status, about, signed), count in sorted(counts, key=lambda one: one[0])
    ]
    insert = insert_into(session, tally)
    new = insert.excluded
    last = {name: new[name] for name in ("last_at", "delivery", "event", "reason")}
    changed = {"number": tally.c.number + new.number, **last}
    key = [column.name for column in tally.primary_key]
    session.execute(insert.on_conflict_do_update(index_elements=key, set_=changed), rows)


def _prune(session: Session) -> None:
    for signed in (False, True):
        of_kind = tally.c.signed.is_(signed)
        newest = select(tally.c.last_at).where(of_kind).order_by(tally.c.last_at.desc())
        if (oldest := session.scalar(newest.offset(MOST).limit(1))) is not None:
            session.execute(delete(tally).where(of_kind, tally.c.last_at <= oldest))
