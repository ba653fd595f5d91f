"""The ledger of an application on a platform: the kept release, the one being tried, the one to go back to.

A platform keeps its ledger itself, and writes it as its own records say; what follows from it is the same
on all of them. Nova has none: each server's metadata says its part (:mod:`slipway.flow.nova`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from slipway.flow.plans import ReleasePlan
from slipway.flow.record import Record, SlipwayError
from slipway.flow.release import SupersededError, refuse_older
from slipway.flow.repositories import is_one_of


class LedgerEntry(Record):
    """A rollout: the run, and what it rolls out."""

    run: str

    @property
    def plan(self) -> ReleasePlan:
        """What the run rolls out."""
        raise NotImplementedError


A = TypeVar("A", bound=LedgerEntry)


class KeptEntry(LedgerEntry, Generic[A]):
    """A rollout that was kept."""

    def attempted(self) -> A:
        """Return the same as an attempt."""
        raise NotImplementedError


G = TypeVar("G", bound=KeptEntry[Any])


class Ledger(Record, Generic[A, G]):
    """One application in one place."""

    good: G | None = None
    previous: G | None = None
    """The previous good release: restored as long as ``good`` can still be taken back."""
    attempt: A | None = None


L = TypeVar("L", bound=Ledger[Any, Any])


def is_mine(ledger: Ledger[A, G], run: str) -> bool:
    """Say whether the attempt of ``run`` is still the one that is being tried."""
    return ledger.attempt is not None and ledger.attempt.run == run


def is_good(ledger: Ledger[A, G], run: str) -> bool:
    """Say whether what ``run`` brought was kept."""
    return ledger.good is not None and ledger.good.run == run


def attempt_of(ledger: Ledger[A, G], run: str) -> A:
    """Return what ``run`` is rolling out.

    :raises SupersededError: when another run took its place.
    """
    if ledger.attempt is not None and is_mine(ledger, run):
        return ledger.attempt
    other = ledger.attempt or ledger.good
    by = f"{other.plan.push.short_commit} (run {other.run})" if other else "an unknown run"
    raise SupersededError(f"this rollout was superseded by {by}, which continues")


def before(ledger: Ledger[A, G], run: str) -> G | None:
    """Return what was good when ``run`` came."""
    return ledger.previous if is_good(ledger, run) else ledger.good


def refuse_others(ledger: Ledger[A, G], attempt: A, taken: Callable[[str], SlipwayError]) -> None:
    """Let ``attempt`` begin, also in the place of an older one that has not ended.

    :param taken: makes the error that says that the name is another repository's.
    :raises SupersededError: when a newer push runs, or is being rolled out.
    :raises SlipwayError: when the name is another repository's.
    """
    push = attempt.plan.push
    for other in (ledger.good, ledger.attempt):
        if other is None or other.run == attempt.run:
            continue
        theirs = other.plan.push
        if not is_one_of(theirs.repository, (push.repository, *attempt.plan.names)):
            raise taken(theirs.repository)
        refuse_older(push, theirs.commit, theirs.at)


def settled(ledger: L, run: str) -> L:
    """Say that nothing takes back what ``run`` brought: what only the previous version needed may go."""
    return ledger.model_copy(update={"previous": None}) if is_good(ledger, run) else ledger


def taken_back(ledger: L, run: str) -> L:
    """Say that what ``run`` brought is no good, if it was kept.

    It is an attempt again, unless a newer push tries another, which then goes back to the previous version.
    """
    good = ledger.good
    if good is None or good.run != run:
        return ledger
    attempt = ledger.attempt or good.attempted()
    return ledger.model_copy(update={"good": ledger.previous, "previous": None, "attempt": attempt})
