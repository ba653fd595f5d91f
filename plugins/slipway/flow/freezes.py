"""Whether an environment takes releases now: by its windows and freezes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from slipway.flow.moments import MomentText, read_moment, read_zone, shown
from slipway.flow.record import CommitId, Name, Record, RepositoryName
from slipway.flow.windows import is_open, next_opening, read_window

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Freeze(Record):
    """A time in which an environment takes no release."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: MomentText = Field(alias="from")
    """When it begins: a date, a time and a time zone."""
    to: MomentText
    """When it ends."""
    reason: Reason
    """What people read who wait."""
    also_rollbacks: bool = False
    """Rollbacks wait, too."""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Freeze:
        if read_moment(self.to) <= read_moment(self.from_):
            raise ValueError(f"ends ({self.to}) before it begins ({self.from_}): swap them, or correct one")
        return self


class WantedFreeze(Record):
    """A freeze that a person asks for: of an environment, or of one application in it."""

    environment: Name
    repository: RepositoryName | None = None
    """None for every application."""
    until: AwareDatetime
    reason: Reason
    also_rollbacks: bool = False


class WantedExemption(Record):
    """A commit that a person wants to let into an environment that takes no release."""

    environment: Name
    repository: RepositoryName | None = None
    commit: CommitId
    until: AwareDatetime
    """It counts no longer than that."""
    reason: Reason


class StartedFreeze(WantedFreeze):
    """A freeze that a person began."""

    by: str = Field(max_length=255)
    at: AwareDatetime


class Exemption(WantedExemption):
    """A commit that a person let through."""

    by: str = Field(max_length=255)
    at: AwareDatetime

    def __str__(self) -> str:
        """For people: who, when and why."""
        return f"let through by {self.by} at {shown(self.at)}: {self.reason}"


class Hold(Record):
    """An environment takes no release now."""

    why: str
    """A sentence that names the environment."""
    until: AwareDatetime | None = None
    """When it will, as far as is known now."""


class Closed(Record):
    """An environment that takes no release now, by what ``apps.yaml`` says."""

    repository: RepositoryName
    environment: Name
    hold: Hold


@dataclass(frozen=True)
class Frozen:
    """A freeze, whoever made it."""

    begins: datetime
    ends: datetime
    why: str
    also_rollbacks: bool

    @classmethod
    def of_file(cls, freeze: Freeze) -> Frozen:
        """Return a freeze of ``apps.yaml``."""
        why = f"until {freeze.to} ({freeze.reason})"
        return cls(read_moment(freeze.from_), read_moment(freeze.to), why, freeze.also_rollbacks)

    @classmethod
    def of_person(cls, freeze: StartedFreeze) -> Frozen:
        """Return a freeze that a person began."""
        why = f"until {shown(freeze.until)} ({freeze.reason}; by {freeze.by})"
        return cls(freeze.at, freeze.until, why, freeze.also_rollbacks)

    def covers(self, moment: datetime) -> bool:
        """Say whether it is in force."""
        return self.begins <= moment < self.ends


@dataclass(frozen=True)
class Gate:
    """Who may begin a rollout in an environment now."""

    hold: Hold | None = None
    """For everybody."""
    rollbacks: Hold | None = None
    """For rollbacks."""
    let: Mapping[str, Exemption] = field(default_factory=dict)
    """Who is let through, by commit."""

    def holds(self, commit: str, *, rolls_back: bool) -> Hold | None:
        """Return what a release waits for; None when it does not."""
        return None if commit in self.let else self._of(rolls_back=rolls_back)

    def exempts(self, commit: str, *, rolls_back: bool) -> Exemption | None:
        """Return by whom a release was let through; None when it needs nobody for that."""
        return self.let.get(commit) if self._of(rolls_back=rolls_back) else None

    def _of(self, *, rolls_back: bool) -> Hold | None:
        return self.rollbacks if rolls_back else self.hold


OPEN = Gate()


def hold_of(
    environment: str, windows: Sequence[str], freezes: Sequence[Frozen], now: datetime
) -> Hold | None:
    """Return why an environment takes no release now, and until when; None when it takes them.

    :param windows: as ``apps.yaml`` has them; none for always.
    """
    frozen = max((one for one in freezes if one.covers(now)), key=lambda one: one.ends, default=None)
    inside = not windows or is_open(map(read_window, windows), now)
    if frozen is None and inside:
        return None
    until = _opening(windows, freezes, now)
    if frozen is not None:
        why = f"{environment} is frozen {frozen.why}"
        later = until is not None and until > frozen.ends
    else:
        why, later = f"{environment} takes releases {', '.join(windows)} only", until is not None
    if later and until is not None:
        why += f"; next at {shown(until, _zone(windows))}"
    return Hold(why=why, until=until)


def _opening(windows: Sequence[str], freezes: Sequence[Frozen], now: datetime) -> datetime | None:
    """Return the first moment from ``now`` on that no freeze covers and that is in a window.

    Each step passes the end of a freeze, or is followed by one that does.
    """
    moment, read = now, [read_window(one) for one in windows]
    for _ in range(2 * len(freezes) + 2):
        if ends := [one.ends for one in freezes if one.covers(moment)]:
            moment = max(ends)
        elif not read or is_open(read, moment):
            return moment
        elif (opens := next_opening(read, moment)) is not None:
            moment = opens
        else:
            return None
    return None


def _zone(windows: Sequence[str]) -> tzinfo:
    """Return the zone that the windows are written in; UTC when they differ."""
    names = {one.rpartition(" ")[2] for one in windows}
    return read_zone(names.pop()) if len(names) == 1 else UTC
