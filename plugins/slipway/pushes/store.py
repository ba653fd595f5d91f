"""Reads and writes rows of pushes. Every function works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, func, select, text, tuple_, union, update
from sqlalchemy.orm import Session

from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.push_progress import PlatformProgress, PushProgress, PushState, PushStep
from slipway.flow.recorded import RecordedPush
from slipway.flow.ref_order import PushSource, RefPush, Reported
from slipway.pushes.table import pushes

NEWEST = 20
"""How many of a ref's pushes its order is decided by, beside those of the same commit."""
REASON_LENGTH = 1000
UNDER_WAY: tuple[PushState, ...] = ("looking", "building", "deploying")
"""Named one by one: so the index on the state serves, however many pushes are over."""
SEEN: tuple[PushSource, ...] = ("webhook", "sweep")
"""Sources of pushes that say what a ref points to."""
# Each delivery asks these: made once, they cost half.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_INSERT = pushes.insert()
_PLACED = select(
    *(pushes.c[name] for name in ("id", "commit_id", "rebuild", "before_id", "pushed_at", "at")),
    *(pushes.c[name] for name in ("deploy", "state", "outcome")),
).where(pushes.c.repository == bindparam("repository"), pushes.c.ref == bindparam("ref"))
# Two questions in one, each of which an index answers: of one with both, a database reads the whole table.
_OF_REF = union(
    select(_PLACED.order_by(pushes.c.at.desc()).limit(NEWEST).subquery()),
    _PLACED.where(pushes.c.commit_id == bindparam("commit")),
)


def lock_ref(session: Session, repository: str, ref: str) -> None:
    """Let one transaction after the other record pushes of a ref."""
    lock(session, f"slipway push {repository.casefold()} {ref}")


def lock(session: Session, name: str) -> None:
    """Let one transaction after the other do what has this name.

    PostgreSQL has locks by name. SQLite needs none: its own is the whole file's.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_LOCK, {"key": name})


def of_ref(session: Session, push: PushEvent) -> list[RefPush]:
    """Return the newest pushes of a push's ref, and all of the same commit."""
    of = {"repository": push.repository.casefold(), "ref": push.ref, "commit": push.commit}
    rows = session.execute(_OF_REF, of).mappings()
    return [
        RefPush(
            id=row["id"],
            commit=row["commit_id"],
            rebuild=row["rebuild"],
            before=row["before_id"],
            pushed_at=aware(row["pushed_at"]),
            at=aware(row["at"]),
            deploy=row["deploy"],
            over=row["state"] == "over",
            superseded=row["outcome"] == "superseded",
        )
        for row in rows
    ]


def insert(
    session: Session, key: str, reported: Reported, at: datetime, now: datetime, step: PushStep
) -> RecordedPush:
    """Record a push, and return it."""
    push = reported.push
    row = {
        "id": key,
        "repository": push.repository.casefold(),
        "ref": push.ref,
        "commit_id": push.commit,
        "rebuild": push.rebuild,
        "before_id": reported.before,
        "pushed_at": reported.pushed_at,
        "at": at,
        "received_at": now,
        "source": reported.source,
        "pusher": push.pusher,
        "delivery": push.delivery,
        "deploy": reported.deploy,
        "progress": {"repository": push.repository, "platforms": {}},
    } | _of_step(step, now)
    session.execute(_INSERT, row)
    return recorded(row)


def find(session: Session, key: str, *, lock: bool = False) -> RecordedPush | None:
    """Return a push by its id.

    :param lock: other transactions that lock it wait for this one's end.
    """
    query = select(pushes).where(pushes.c.id == key)
    row = session.execute(query.with_for_update() if lock else query).mappings().first()
    return recorded(row) if row is not None else None


def of_commits(session: Session, keys: Iterable[tuple[str, str, str]]) -> list[RecordedPush]:
    """Return the pushes of commits, oldest first.

    :param keys: repository, commit and rebuild of each.
    """
    wanted = {(repository.casefold(), commit, rebuild) for repository, commit, rebuild in keys}
    if not wanted:
        return []
    # In pairs, as the index has them: of two lists, or of commits alone, a database reads the whole table.
    pairs = tuple_(pushes.c.repository, pushes.c.commit_id).in_(
        {(name, commit) for name, commit, _ in wanted}
    )
    query = select(pushes).where(pairs)
    rows = session.execute(query.order_by(pushes.c.at)).mappings()
    key = ("repository", "commit_id", "rebuild")
    return [recorded(row) for row in rows if tuple(row[name] for name in key) in wanted]


def gone_on(session: Session, ids: Iterable[str]) -> set[str]:
    """Return which pushes are not what their ref points to any more, by what is on record.

    What a person or the night builds moves no ref, and what was superseded did not count.
    """
    later = pushes.alias()
    moved = select(later.c.id).where(
        later.c.repository == pushes.c.repository,
        later.c.ref == pushes.c.ref,
        later.c.at > pushes.c.at,
        later.c.commit_id != pushes.c.commit_id,
        later.c.source.in_(SEEN),
        later.c.outcome != "superseded",
    )
    return set(session.scalars(select(pushes.c.id).where(pushes.c.id.in_(list(ids)), moved.exists())))


def count_under_way(session: Session, rebuild: str) -> int:
    """Return how many pushes of a rebuild are not over."""
    query = select(func.count()).where(pushes.c.rebuild == rebuild, pushes.c.state.in_(UNDER_WAY))
    return int(session.scalar(query) or 0)


def not_over(session: Session, before: datetime, most: int) -> list[RecordedPush]:
    """Return pushes that are under way and were received before a time, oldest first."""
    query = select(pushes).where(pushes.c.state.in_(UNDER_WAY), pushes.c.received_at < before)
    rows = session.execute(query.order_by(pushes.c.received_at).limit(most)).mappings()
    return [recorded(row) for row in rows]


def waiting(session: Session) -> dict[PushState, tuple[int, datetime]]:
    """Return how many pushes are in each state that is not over, and when the oldest of them was received."""
    query = select(pushes.c.state, func.count(), func.min(pushes.c.received_at))
    rows = session.execute(query.where(pushes.c.state.in_(UNDER_WAY)).group_by(pushes.c.state))
    return {state: (int(count), aware(oldest)) for state, count, oldest in rows}


def save(
    session: Session, one: RecordedPush, progress: PushProgress, step: PushStep, now: datetime
) -> RecordedPush:
    """Write down how far a push has come, and return it."""
    told = {
        "repository": one.push.repository,
        "platforms": {name: known.to_json() for name, known in progress.items()},
    }
    changed = _of_step(step, now)
    session.execute(update(pushes).where(pushes.c.id == one.id).values(progress=told, **changed))
    return one.model_copy(update={"progress": dict(progress), **changed})


def recorded(row: Mapping[Any, Any]) -> RecordedPush:
    """Return a row as a record."""
    stored = row["progress"]
    progress: dict[Platform, PlatformProgress] = {
        name: PlatformProgress.from_json(one) for name, one in stored["platforms"].items()
    }
    return RecordedPush(
        id=row["id"],
        push=PushEvent(
            repository=stored["repository"],
            ref=row["ref"],
            commit=row["commit_id"],
            pusher=row["pusher"],
            delivery=row["delivery"],
            at=aware(row["at"]),
            rebuild=row["rebuild"],
        ),
        source=row["source"],
        deploy=row["deploy"],
        state=row["state"],
        outcome=row["outcome"],
        reason=row["reason"],
        progress=progress,
        received_at=aware(row["received_at"]),
        ended_at=aware(row["ended_at"]),
    )


def aware(moment: datetime | None) -> Any:
    """Return a time with its zone: SQLite keeps none."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _of_step(step: PushStep, now: datetime) -> dict[str, Any]:
    return {
        "state": step.state,
        "outcome": step.outcome,
        "reason": step.reason[:REASON_LENGTH],
        "ended_at": now if step.state == "over" else None,
    }
