"""Servers as the cloud shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from slipway.flow.nova.marks import KeptRelease, Mark
from slipway.flow.nova.traffic import Led, Place
from slipway.flow.push import PushEvent
from slipway.flow.release import refuse_older


@dataclass(frozen=True)
class Server:
    """One server of the deployment."""

    id: str
    name: str
    status: str
    """As Nova calls it: ``BUILD``, ``ACTIVE``, ``SHUTOFF``, ``ERROR`` ..."""
    created: datetime
    mark: Mark
    task: str = ""
    """Nova's ``task_state``: while there is one, the server takes no order."""
    address: str = ""
    """The first address of its own."""
    fault: str = ""

    @property
    def is_active(self) -> bool:
        """Say whether it runs, and takes orders."""
        return self.status == "ACTIVE" and not self.task

    @property
    def is_stopped(self) -> bool:
        """Say whether it is shut off, and takes orders."""
        return self.status == "SHUTOFF" and not self.task

    @property
    def is_going(self) -> bool:
        """Say whether it is being deleted."""
        return self.task == "deleting" or self.status in ("DELETED", "SOFT_DELETED")


@dataclass(frozen=True)
class ServerFindings:
    """The result of waiting: ids of servers."""

    healthy: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why a server did not reach the state that was waited for."""


@dataclass(frozen=True)
class View:
    """All that is known at one moment."""

    servers: tuple[Server, ...]
    """Of the deployment, none of which is being deleted."""
    floating: Mapping[str, str] = field(default_factory=dict)
    """Floating IPs to the ids of the servers that have them; "" for none."""
    traffic: Mapping[Place, Led] = field(default_factory=dict)
    """Where it comes from, and which of the deployment's addresses it goes to."""
    seen: ServerFindings = field(default_factory=ServerFindings)

    @classmethod
    def of(
        cls,
        servers: Iterable[Server],
        deployment: str,
        floating: Mapping[str, str],
        traffic: Mapping[Place, Led],
        seen: ServerFindings,
    ) -> View:
        """Return the view of one deployment; servers of others are left out."""
        mine = [one for one in servers if one.mark.deployment == deployment and not one.is_going]
        return cls(tuple(sorted(mine, key=lambda one: (one.mark.index, one.id))), floating, traffic, seen)

    def good(self, run: str = "") -> tuple[Server, ...]:
        """Return the servers that were kept last, by another run than ``run``."""
        kept = [(one, found) for one in self.servers if (found := kept_but_for(one, run))]
        if not kept:
            return ()
        newest = max(kept, key=lambda pair: (pair[1].claim.at, pair[1].since))[0].mark.version
        return tuple(one for one, _ in kept if one.mark.version == newest)


def kept_but_for(server: Server, run: str) -> KeptRelease | None:
    """Return for which release a server is kept, when what ``run`` kept does not count."""
    kept = server.mark.kept
    return server.mark.before if kept is not None and kept.claim.run == run else kept


def best(servers: Sequence[Server], version: str) -> dict[int, Server]:
    """Return the servers of a version by index; of two with one index always the same one."""

    def rank(one: Server) -> tuple[bool, bool, bool, datetime, str]:
        is_better = (one.mark.kept is None, one.status == "ERROR", one.status != "ACTIVE")
        return (*is_better, one.created, one.id)

    found: dict[int, Server] = {}
    for one in sorted((one for one in servers if one.mark.version == version), key=rank):
        found.setdefault(one.mark.index, one)
    return found


def refuse_older_than(servers: Iterable[Server], push: PushEvent, run: str) -> None:
    """Let ``run`` go on unless a newer push is in place or on its way.

    :raises SupersededError: naming the newest.
    """
    marks = [one.mark for one in servers]
    claims = [mark.claim for mark in marks] + [mark.kept.claim for mark in marks if mark.kept]
    others = [claim for claim in claims if claim.run != run]
    if others:
        newest = max(others, key=lambda claim: claim.at)
        refuse_older(push, newest.commit, newest.at)
