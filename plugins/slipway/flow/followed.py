"""A push that somebody requested: how it is followed, and how it ended."""

from __future__ import annotations

from slipway.flow.push import PushEvent
from slipway.flow.record import Record

PUSH, DEPLOY = "push", "deploy"
ENDED = ("success", "failed")


class Followed(Record):
    """A push whose end is waited for."""

    id: str
    """Of all of its runs."""
    push: PushEvent
    deploy: bool
    joined: bool = False
    """It was under way already: nothing was begun anew."""
