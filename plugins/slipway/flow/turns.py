"""Whose turn it is: of one application in one environment, one deployment runs at a time.

A deployment that has begun is brought to its end. Of those that wait, the newest push is next, and the others
are superseded by it. Where the environment takes no release now, all wait but those that a person let
through; a newer one that waits for that supersedes none that may go. A turn belongs to a run, and is over
when the run is: there is nothing to give back, and nothing that a dead worker could keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from slipway.flow.freezes import Exemption, Hold
from slipway.flow.gate import OPEN, Gate
from slipway.flow.record import CommitId, Name, Record, RepositoryName

ROLLBACK, CHOOSE_TASK, RAN_BEFORE = "rollback", "choose", "ran_before"
"""The DAG that brings releases back, its task that chooses one, and that task's XCom: it ran there before."""
ROLLBACK_RUN = "rollback__"
"""How the id of a run of ``deploy`` begins that it starts; the id of its own run follows."""

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
    let: Exemption | None = None
    """Who let it through, when its turn began where others wait."""
    rolls_back: bool = False
    """It brings back a release that ran there before."""

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
    hold: Hold | None = None
    """Why it waits, when it waits for the environment."""
    let: Exemption | None = None
    """By whom it was let through."""

    def told(self, mine: Contender) -> str:
        """Return it in words."""
        if self.hold is not None:
            return f"{mine.commit[:12]} waits: {self.hold.why}"
        if self.other is None:
            let = f", {self.let}" if self.let else ""
            return f"it is the turn of {mine.commit[:12]}{let}"
        other = f"{self.other.commit[:12]} (run {self.other.run_id})"
        if self.state == "waits":
            return f"{mine.commit[:12]} waits: {other} is being deployed"
        does = "is being deployed" if self.other.since else "is next"
        return (
            f"{mine.commit[:12]} is superseded by {other}, which was pushed later and {does}: "
            "nothing is rolled out"
        )


def take(
    known: Sequence[Contender], mine: Contender, now: datetime, gate: Gate = OPEN
) -> tuple[list[Contender], Turn]:
    """Return who contends now, and the answer to ``mine``.

    :param known: the contenders so far, of runs that are not over; ``mine`` is among them when it asks again.
    :param gate: whether the environment takes releases now.
    """
    others = [one for one in known if one.run != mine.run]
    if has := next((one for one in known if one.run == mine.run and one.since), None):
        return list(known), Turn(state="given", since=has.since, let=has.let)
    hold = _hold(gate, mine)
    rivals = others if hold else [one for one in others if one.since or not _hold(gate, one)]
    newest = max(rivals, key=lambda one: one.at, default=None)
    if newest is not None and newest.at > mine.at:
        return others, Turn(state="superseded", other=newest)
    if hold is not None:
        return [*others, mine], Turn(state="waits", hold=hold)
    if running := next((one for one in others if one.since), None):
        return [*others, mine], Turn(state="waits", other=running)
    let = gate.exempts(mine.commit, rolls_back=mine.rolls_back)
    given = mine.model_copy(update={"since": now, "let": let})
    return [*others, given], Turn(state="given", since=now, let=let)


def _hold(gate: Gate, one: Contender) -> Hold | None:
    return gate.holds(one.commit, rolls_back=one.rolls_back)
