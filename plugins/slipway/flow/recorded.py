"""A push on record: what it is, and how far it has come."""

from __future__ import annotations

from pydantic import AwareDatetime

from slipway.flow.followed import PUSH
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.push_progress import PlatformProgress, PushOutcome, PushState
from slipway.flow.record import Record
from slipway.flow.ref_order import PushPlace, PushSource


class RecordedPush(Record):
    """One row of the table of pushes."""

    id: str
    """Of all runs that it starts, too."""
    push: PushEvent
    """Its ``at`` is its place in the ref's order."""
    source: PushSource
    deploy: bool = True
    state: PushState
    outcome: PushOutcome = ""
    reason: str = ""
    """Why it came to that end."""
    progress: dict[Platform, PlatformProgress] = {}
    received_at: AwareDatetime
    ended_at: AwareDatetime | None = None


class Received(Record):
    """What became of a report."""

    push: RecordedPush
    placed: PushPlace

    def told(self) -> str:
        """Say it to whoever reported it."""
        other = self.placed.other
        match self.placed.verdict:
            case "new":
                return f"recorded as {self.push.id}; its run of DAG {PUSH} starts"
            case "known":
                return f"already recorded as {self.push.id}; nothing is done twice"
            case "superseded":
                newer = other.commit[:12] if other else "a newer commit"
                return (
                    f"recorded as superseded: {self.push.push.ref} went on to {newer} before it was reported"
                )


def trouble(one: RecordedPush) -> str:
    """Return why a push that is over did not come through, and the cure; "" when it did."""
    match one.outcome:
        case "failed":
            return f"{one.reason or 'it failed'}. The runs with id {one.id} have the logs"
        case "superseded":
            return f"it was superseded: {one.reason}"
    return ""
