"""Waits for servers: to reach the requested state, and to answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import AwareDatetime

from slipway.flow.nova.observed import Server, ServerFindings
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.steps import Until, Wait
from slipway.flow.record import Record, TransientError
from slipway.openstack.health import answer
from slipway.polling import Feed

log = logging.getLogger(__name__)

Snapshot = Mapping[str, Server]
"""Servers by id."""


class NovaWatch(Record):
    """The awaited state, small enough to be handed to the triggerer."""

    tag: str
    run: str
    at: AwareDatetime
    """When the run's commit was pushed: a newer claim ends the wait."""
    until: tuple[Until, ...]
    not_before: AwareDatetime | None = None
    """The wait does not end well before this moment."""

    @classmethod
    def of(cls, plan: NovaPlan, run: str, wait: Wait) -> NovaWatch:
        """Return what ``run`` waits for."""
        return cls(tag=plan.tag, run=run, at=plan.push.at, until=wait.until, not_before=wait.not_before)

    @property
    def is_early(self) -> bool:
        """Say whether there is time to wait still, whatever the servers are."""
        return self.not_before is not None and datetime.now(UTC) < self.not_before


class NovaOutcome(Record):
    """What came of it: ids of servers. Neither means that something else happened: look again."""

    healthy: tuple[str, ...] = ()
    failed: dict[str, str] = {}
    error: str = ""
    """Why nothing can be known."""

    def seen(self, before: frozenset[str] = frozenset()) -> ServerFindings:
        """Return it for the next decision."""
        return ServerFindings(before | frozenset(self.healthy), self.failed)


class _Waiting:
    """The servers of one watch, as they reach the state that is waited for."""

    def __init__(self, watch: NovaWatch) -> None:
        self.not_before = watch.not_before
        self.left = {one.server: one for one in watch.until}
        self.total = len(watch.until)
        self.healthy: list[str] = []
        self.failed: dict[str, str] = {}
        self.said: dict[str, str] = {}
        self.asked_since: dict[str, float] = {}

    async def look(self, snapshot: Snapshot) -> None:
        """Take in what the cloud shows, and ask those servers that can be asked."""
        there = {key: snapshot[key] for key in self.left}
        arrived = {key for key, one in there.items() if one.status == self.left[key].status and not one.task}
        said = await asyncio.gather(*(self._ask(self.left[key], there[key]) for key in arrived))
        for key, problem in zip(arrived, said, strict=True):
            if not problem:
                self.healthy.append(key)
                del self.left[key]
            else:
                self.said[key] = problem
        for key in self.left.keys() - arrived:
            self.said[key] = f"{there[key].status} {there[key].task}".strip()

    async def _ask(self, until: Until, server: Server) -> str:
        if until.health is None:
            return ""
        self.asked_since.setdefault(until.server, time.monotonic())
        return await answer(server.address, until.health)

    def give_up(self) -> None:
        """Note which servers had all the time they were given."""
        for key, until in self.left.items():
            said = self.said.get(key, "it does not exist")
            if until.health and key in self.asked_since:
                within = until.health.within_seconds
                if time.monotonic() - self.asked_since[key] > within:
                    self.failed[key] = f"did not answer as expected within {within} s (the last time: {said})"
            elif datetime.now(UTC) > until.deadline:
                self.failed[key] = f"did not become {until.status} in time (the last time: {said})"

    def text(self) -> str:
        """Return how far it is."""
        if not self.left and self.not_before:
            return f"until {self.not_before:%H:%M:%S} UTC resolvers may keep the name's old addresses"
        counts: dict[str, int] = {}
        for key in self.left:
            said = self.said.get(key, "?")
            counts[said] = counts.get(said, 0) + 1
        rest = "; ".join(f"{count} {said}" for said, count in sorted(counts.items()))
        return f"{self.total - len(self.left)} of {self.total} servers ready" + (f" ({rest})" if rest else "")


async def follow(feed: Feed[Snapshot], watch: NovaWatch) -> NovaOutcome:
    """Wait until all servers are as they should be, one fails, or somebody should look.

    :raises SlipwayError: when the cloud refuses to be asked.
    """
    waiting, began, shown = _Waiting(watch), time.monotonic(), ""
    while (waiting.left or watch.is_early) and not waiting.failed:
        try:
            snapshot = await feed.next()
        except TransientError as error:
            log.warning("%s; retrying", error)
        else:
            if _needs_a_look(snapshot, watch, waiting):
                break
            await waiting.look(snapshot)
        waiting.give_up()
        if (text := waiting.text()) != shown:
            shown = text
            log.info("[%5.1f s] %s", time.monotonic() - began, text)
    return NovaOutcome(healthy=tuple(waiting.healthy), failed=waiting.failed)


def _needs_a_look(snapshot: Snapshot, watch: NovaWatch, waiting: _Waiting) -> bool:
    """Say whether a server is gone or failed, or a newer push came."""
    if any(key not in snapshot or snapshot[key].status == "ERROR" for key in waiting.left):
        return True
    return any(one.mark.claim.at > watch.at and one.mark.claim.run != watch.run for one in snapshot.values())
