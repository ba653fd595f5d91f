"""Whose turn it is: of one application in one environment, one deployment runs at a time.

A deployment that has begun is brought to its end. Of those that wait, the newest push is next, and the others
are superseded by it. A turn belongs to a run, and is over when the run is: there is nothing to give back, and
nothing that a dead worker could keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from slipway.flow.record import CommitId, Name, Record, RepositoryName

AirflowId = Annotated[str, Field(max_length=250)]


class TurnPlace(Record):
    """The place that only one deployment at a time may change."""

    repository: RepositoryName
    application: Name
    environment: Name

    @property
    def key(self) -> str:
        """The same for every spelling of the repository, as GitHub compares names."""
        return f"{self.repository.casefold()} {self.application} {self.environment}"


class Contender(Record):
    """A run that deploys, or wants to."""

    dag_id: AirflowId
    run_id: AirflowId
    commit: CommitId
    at: AwareDatetime
    """When its commit was pushed."""
    since: AwareDatetime | None = None
    """When its turn began; None while it waits."""

    @property
    def run(self) -> tuple[str, str]:
        """Identifies it among the others."""
        return self.dag_id, self.run_id


class Turn(Record):
    """The answer to a run that asks for its turn."""

    state: Literal["given", "waits", "superseded"]
    since: AwareDatetime | None = None
    """When it was given."""
    other: Contender | None = None
    """Whom it waits for, or by whom it is superseded."""

    def told(self, mine: Contender) -> str:
        """Return it in words."""
        if self.other is None:
            return f"it is the turn of {mine.commit[:12]}"
        other = f"{self.other.commit[:12]} (run {self.other.run_id})"
        if self.state == "waits":
            return f"{mine.commit[:12]} waits: {other} is being deployed"
        does = "is being deployed" if self.other.since else "is next"
        return (
            f"{mine.commit[:12]} is superseded by {other}, which was pushed later and {does}: "
            "nothing is rolled out"
        )


def take(known: Sequence[Contender], mine: Contender, now: datetime) -> tuple[list[Contender], Turn]:
    """Return who contends now, and the answer to ``mine``.

    :param known: the contenders so far, of runs that are not over; ``mine`` is among them when it asks again.
    """
    others = [one for one in known if one.run != mine.run]
    if has := next((one for one in known if one.run == mine.run and one.since), None):
        return list(known), Turn(state="given", since=has.since)
    newest = max(others, key=lambda one: one.at, default=None)
    if newest is not None and newest.at > mine.at:
        return others, Turn(state="superseded", other=newest)
    if running := next((one for one in others if one.since), None):
        return [*others, mine], Turn(state="waits", other=running)
    given = mine.model_copy(update={"since": now})
    return [*others, given], Turn(state="given", since=now)
