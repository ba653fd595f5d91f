"""Brings nodes to a release in the triggerer: all that wait for one cloud share one poll."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from weakref import WeakKeyDictionary

from airflow.triggers.base import TriggerEvent

from slipway.flow.record import SlipwayError
from slipway.openstack.hook import OpenstackHook
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.ironic import IronicClient
from slipway.openstack.ironic.rollout import IronicOutcome, Nodes, Rollout, give_back
from slipway.openstack.ironic.watch import IronicWatch
from slipway.polling import Poll, in_thread
from slipway.rollout.triggers import WatchTrigger

TICK_SECONDS = 2.0
_known: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, tuple[Fleets, Poll[Nodes]]]] = (
    WeakKeyDictionary()
)


class FleetTrigger(WatchTrigger):
    """Fires with an :class:`slipway.openstack.ironic.rollout.IronicOutcome` as JSON.

    :param watch: a :class:`slipway.openstack.ironic.watch.IronicWatch` as JSON.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Continue with the nodes; an error fires as a failure."""
        try:
            outcome = await bring(*await shared(self.conn_id), IronicWatch.from_json(self.watch))
        except SlipwayError as error:
            outcome = IronicOutcome(state="failed", reason=str(error))
        yield TriggerEvent(outcome.to_json())


async def bring(fleets: Fleets, poll: Poll[Nodes], watch: IronicWatch) -> IronicOutcome:
    """Bring the nodes to the wanted release; on the way back also release those no longer wanted."""
    async with poll.of(watch.prefix) as feed:
        outcome = IronicOutcome(state="healthy")
        if watch.fleet is not None:
            outcome = await Rollout(fleets, watch).follow(feed)
        if not watch.goes_back or outcome.state == "superseded":
            return outcome
        given = await give_back(fleets, watch, lambda: asyncio.sleep(TICK_SECONDS))
    reasons = [one.reason for one in (outcome, given) if one.reason]
    return IronicOutcome(state="failed", reason="; ".join(reasons)) if reasons else outcome


async def shared(conn_id: str) -> tuple[Fleets, Poll[Nodes]]:
    """Return the login and the poll of a cloud that everybody in this event loop shares."""
    known = _known.setdefault(asyncio.get_running_loop(), {})
    if conn_id not in known:
        hook = OpenstackHook(conn_id)
        fleets = Fleets(hook.connect(await hook.aget_connection(conn_id)))
        known.setdefault(conn_id, (fleets, poll_of(fleets.ironic)))
    return known[conn_id]


def poll_of(ironic: IronicClient, tick: float = TICK_SECONDS) -> Poll[Nodes]:
    """Return a poll of the project's nodes: one list for all fleets."""

    def ask(prefixes: Sequence[str]) -> dict[str, Nodes]:
        nodes = {node.id: node for node in ironic.nodes()}
        return dict.fromkeys(prefixes, nodes)

    return Poll(in_thread(ask), tick)
