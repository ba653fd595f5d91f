"""The possible decisions: orders to the cloud, a condition to wait for, or an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from slipway.flow.nova.marks import Metadata
from slipway.flow.nova.observed import Server
from slipway.flow.nova.spec import ServerHealth
from slipway.flow.nova.traffic import Place
from slipway.flow.record import Record


@dataclass(frozen=True)
class Create:
    """Make the server of an index."""

    index: int


@dataclass(frozen=True)
class Delete:
    """Remove a server."""

    server: Server


@dataclass(frozen=True)
class Start:
    """Start a server that is shut off."""

    server: Server


@dataclass(frozen=True)
class Stop:
    """Shut a server off: it can be started again."""

    server: Server


@dataclass(frozen=True)
class Write:
    """Write keys of a server's metadata."""

    server: Server
    metadata: Metadata


@dataclass(frozen=True)
class Attach:
    """Give a floating IP to a server, from whoever has it."""

    address: str
    server: Server


@dataclass(frozen=True)
class Lead:
    """Lead traffic from a place to these servers, and to no others of the deployment."""

    place: Place
    servers: tuple[Server, ...]


Order = Create | Delete | Start | Stop | Write | Attach | Lead


class Until(Record):
    """One server that is waited for."""

    server: str
    name: str
    status: Literal["ACTIVE", "SHUTOFF"]
    """What it is to come to, with no task of Nova's left."""
    deadline: AwareDatetime
    """For its status; it has the seconds of its health on top."""
    health: ServerHealth | None = None
    """What it must answer then."""


@dataclass(frozen=True)
class Do:
    """Give these orders, then look again."""

    orders: tuple[Order, ...]


@dataclass(frozen=True)
class Wait:
    """Wait for all of these, then look again."""

    until: tuple[Until, ...]
    not_before: datetime | None = None
    """And until this moment."""


@dataclass(frozen=True)
class Done:
    """It is as it should be."""


@dataclass(frozen=True)
class Fail:
    """It will not come to be."""

    reason: str


Step = Do | Wait | Done | Fail


def until(server: Server, since: datetime, seconds: float, health: ServerHealth | None) -> Until:
    """Return the wait for a server to run and to answer."""
    deadline = since + timedelta(seconds=seconds)
    return Until(server=server.id, name=server.name, status="ACTIVE", deadline=deadline, health=health)


def until_stopped(server: Server, since: datetime, seconds: float) -> Until:
    """Return the wait for a server to be shut off."""
    deadline = since + timedelta(seconds=seconds)
    return Until(server=server.id, name=server.name, status="SHUTOFF", deadline=deadline)
