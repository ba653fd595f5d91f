"""The recipients of how an application's runs end: a part of ``apps.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from slipway.flow.record import Matching, Record

Occasion = Literal["failure", "recovery", "late"]

EmailAddress = Annotated[
    str,
    Matching(
        r"^[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$",
        "must be one bare e-mail address, like team@example.org",
        max_length=254,
    ),
]
SlackChannel = Annotated[
    str,
    Matching(
        r"^(#[^\s#@<>,]{1,80}|[CGD][A-Z0-9]{8,})$",
        "must be a channel of Slack: its name as '#deploys' (in quotes, or it is a comment), or its id",
    ),
]
ProjectKey = Annotated[
    str,
    Matching(r"^[A-Z][A-Z0-9_]{1,49}$", "must be a project's key in Jira, like OPS: its issues are OPS-1"),
]


class Notify(Record):
    """Messages."""

    email: tuple[EmailAddress, ...] = ()
    """Addresses; the connection is `slipway_smtp`."""
    slack: SlackChannel | None = None
    """A channel; the connection is `slipway_slack`."""
    on: tuple[Occasion, ...] = Field(default=("failure", "recovery", "late"), min_length=1)
    """When: a run failed; it succeeds again; it takes longer than it should."""

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Notify:
        if not (self.email or self.slack):
            raise ValueError("has no recipient: name `email` or `slack`, or leave notify out")
        return self


class Tickets(Record):
    """Issues in Jira; the connection is `slipway_jira`."""

    project: ProjectKey
    """Where they are opened."""
    issue_type: Annotated[str, Field(min_length=1, max_length=60)] = "Bug"
    """A type that the project has."""
