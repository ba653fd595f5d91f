"""A delivery, and the verdicts about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from slipway.flow.ref_order import Reported

Status = Literal["accepted", "ignored", "pong", "refused"]


@dataclass(frozen=True)
class Delivery:
    """One delivery. Until its verdict accepts it, it is only the sender's claim."""

    id: str = ""
    event: str = ""
    source: str = "github"
    action: str = ""
    repository: str = ""
    repository_id: int | None = None
    """The sender's number of it."""
    ref: str = ""
    commit: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Accepted:
    """To be stored; a reported push starts runs, without it the delivery only waits for a sensor."""

    delivery: Delivery
    reported: Reported | None = None
    warnings: tuple[str, ...] = ()
    """What will be refused later unless it is changed."""


@dataclass(frozen=True)
class Pong:
    """The answer to a ping."""

    delivery: Delivery
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ignored:
    """Genuine and not wanted."""

    delivery: Delivery
    reason: str


@dataclass(frozen=True)
class Refused:
    """Refused, with its HTTP status.

    ``counted``: kept as a number in :mod:`slipway.webhook.tally`, since the sender decides how many there
    are: a stranger's, or one of too many ``signed`` ones. ``about``: the repository, or whose webhook the
    stranger claims to be. ``retry_after``: seconds, 0 for none.
    """

    status: int
    reason: str
    delivery: Delivery = Delivery()
    counted: bool = False
    signed: bool = False
    about: str = ""
    retry_after: int = 0


Verdict = Accepted | Pong | Ignored | Refused
