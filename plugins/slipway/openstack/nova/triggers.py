"""Waits for servers in the triggerer: all that wait for one cloud share one poll."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from airflow.triggers.base import TriggerEvent
from openstack.connection import Connection

from slipway.flow.record import SlipwayError
from slipway.openstack.hook import OpenstackHook
from slipway.openstack.nova.reading import list_servers
from slipway.openstack.nova.watch import NovaOutcome, NovaWatch, Snapshot, follow
from slipway.polling import TICK_SECONDS, Poll, in_thread
from slipway.rollout.triggers import WatchTrigger

_polls: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Poll[Snapshot]]] = WeakKeyDictionary()


class ServersTrigger(WatchTrigger):
    """Fires with a :class:`slipway.openstack.nova.watch.NovaOutcome` as JSON.

    :param watch: a :class:`slipway.openstack.nova.watch.NovaWatch` as JSON.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow the servers; what cannot be followed fires as an error."""
        watch = NovaWatch.from_json(self.watch)
        try:
            async with (await shared_poll(self.conn_id)).of(watch.tag) as feed:
                outcome = await follow(feed, watch)
        except SlipwayError as error:
            outcome = NovaOutcome(error=str(error))
        yield TriggerEvent(outcome.to_json())


async def shared_poll(conn_id: str) -> Poll[Snapshot]:
    """Return the poll of a cloud that everybody in this event loop shares."""
    polls = _polls.setdefault(asyncio.get_running_loop(), {})
    if (known := polls.get(conn_id)) is not None and not known.is_idle:
        return known
    # The connection may be another one by now: it is read again whenever the first one waits.
    hook = OpenstackHook(conn_id)
    made = poll_of(hook.connect(await hook.aget_connection(conn_id)))
    known = polls.get(conn_id)
    if known is None or known.is_idle:
        polls[conn_id] = made
    return polls[conn_id]


def poll_of(cloud: Connection, tick: float = TICK_SECONDS) -> Poll[Snapshot]:
    """Return a poll of a cloud's servers by tag."""

    def ask(tags: Sequence[str]) -> dict[str, Snapshot]:
        found: dict[str, dict[str, Any]] = {tag: {} for tag in tags}
        for server in list_servers(cloud, tags):
            found.setdefault(f"slipway-{server.mark.deployment}", {})[server.id] = server
        return {tag: found[tag] for tag in tags}

    return Poll(in_thread(ask), tick)
