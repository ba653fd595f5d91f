"""Freezes: times in which an environment takes no release, and commits that people let in all the same."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from slipway.flow.moments import MomentText, read_moment, shown
from slipway.flow.record import CommitId, Name, Record, RepositoryName

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
