"""The order of a ref's pushes: the code registry's, whatever order they are reported in. Pure.

A sender of webhooks tells when it took a push (``repository.pushed_at``, whole seconds) and what the ref
pointed to before: https://docs.github.com/en/webhooks/webhook-events-and-payloads#push. Whoever looks at the
code registry itself (the sweep, the night, a person) knows what the ref points to now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from slipway.flow.moments import UtcMoment
from slipway.flow.push import PushEvent
from slipway.flow.record import Record

TICK = timedelta(microseconds=1)
SKEW = timedelta(minutes=2)
"""By how much the clocks of the code registry and of Slipway may differ."""
PushSource = Literal["webhook", "sweep", "night", "person"]


class Reported(Record):
    """A push as somebody reports it."""

    push: PushEvent
    source: PushSource
    before: str = Field(default="", max_length=64, pattern=r"^[0-9a-f]*$")
    """The commit that the ref pointed to before; "" when nobody says it, zeros for a new ref."""
    pushed_at: UtcMoment | None = None
    """By the code registry's clock; None when who reports it looked at the code registry just now."""
    deploy: bool = True


class RefPush(Record):
    """A push of the same ref that is on record."""

    id: str
    commit: str
    rebuild: str = ""
    before: str = ""
    pushed_at: AwareDatetime | None = None
    at: AwareDatetime
    """Its place in the order."""
    deploy: bool = True
    over: bool = False
    superseded: bool = False
    """Its ref pointed elsewhere before it was looked at."""


class PushPlace(Record):
    """Where a reported push stands in its ref's order."""

    verdict: Literal["new", "known", "superseded"]
    at: AwareDatetime
    """Its place in the order, also of one that is superseded."""
    other: RefPush | None = None
    """The record of the same push, or what the ref pointed to later."""


def place(reported: Reported, known: Iterable[RefPush]) -> PushPlace:
    """Find a push's place among those of its ref.

    No place is in the future: a code registry whose clock is ahead would put everybody else's pushes behind.

    :param known: the pushes of the ref that are on record: at least the newest, and all of the same commit.
    """
    ordered = sorted(known, key=lambda one: one.at, reverse=True)
    if (same := _same(reported, ordered)) is not None:
        return PushPlace(verdict="known", at=same.at, other=same)
    at = min(reported.pushed_at or reported.push.at, reported.push.at)
    if reported.pushed_at is None or not ordered or _follows(reported, ordered[0]):
        return PushPlace(verdict="new", at=_after(at, ordered[:1]))
    later = next(one for one in reversed(ordered) if not _follows(reported, one))
    return PushPlace(verdict="superseded", at=min(at, later.at - TICK), other=ordered[0])


def _same(reported: Reported, ordered: Sequence[RefPush]) -> RefPush | None:
    """Return the record of the very push that is reported."""
    push = reported.push
    same = [
        one
        for one in ordered
        if (one.commit, one.rebuild) == (push.commit, push.rebuild) and one.deploy >= reported.deploy
    ]
    if reported.source == "person":  # who asks again wants it again, unless it is under way
        return next((one for one in same if not one.over), None)
    if push.rebuild:
        return next(iter(same), None)
    newest = next((one for one in ordered[:1] if one in same and not one.superseded), None)
    if reported.pushed_at is None:
        return newest
    told = (reported.pushed_at, reported.before)
    seen = [newest] if newest and newest.pushed_at is None else []  # somebody saw it before it was delivered
    return next((one for one in [*same, *seen] if (one.pushed_at, one.before) == told or one in seen), None)


def _follows(reported: Reported, other: RefPush) -> bool:
    """Say whether the reported push came after another one of the ref."""
    assert reported.pushed_at is not None
    after, before = reported.before == other.commit, other.before == reported.push.commit
    if other.pushed_at is None:  # somebody looked at the code registry, by another clock
        return after or reported.pushed_at > other.at - SKEW
    if reported.pushed_at != other.pushed_at:
        return reported.pushed_at > other.pushed_at
    return after or not before


def _after(at: datetime, newest: Sequence[RefPush]) -> datetime:
    return max([at, *(one.at + TICK for one in newest)])
