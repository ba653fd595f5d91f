"""Orphaned rollouts of nodes: the ledger names a run that tries something, but the run has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from openstack.connection import Connection

from slipway.flow.orphans import Trace
from slipway.flow.property_keys import CloudKey
from slipway.flow.release import SupersededError
from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.ironic import ledger
from slipway.openstack.ironic.errors import told
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.ironic import Allocation
from slipway.openstack.ironic.rollout import IronicOutcome
from slipway.openstack.ironic.triggers import bring, poll_of
from slipway.openstack.ironic.watch import IronicWatch

KIND = "rollout of nodes"
SECONDS = 1800.0
"""For which a worker waits until nodes are as they were; the next run continues with the rest."""
TICK_SECONDS = 5.0


@dataclass(frozen=True)
class FleetTraces:
    """The rollouts of nodes in one project."""

    cloud: Connection
    tick: float = TICK_SECONDS
    name = "ironic"

    def find(self) -> Iterator[Trace]:
        """Yield the rollouts that are under way, or orphaned.

        :raises OpenstackError: when a ledger cannot be understood.
        :raises TransientOpenstackError: when the cloud does not answer.
        """
        with told("the list of allocations"):
            every = list(self.cloud.baremetal.allocations())
        for one in every:
            if CloudKey.LEDGER not in (one.extra or {}):
                continue
            attempt = ledger.of(_allocation(one)).attempt
            if attempt is not None:
                fleet = attempt.fleet
                yield Trace(
                    place=self.name,
                    kind=KIND,
                    id=str(one.name),
                    name=f"{fleet.application}-{fleet.environment}-{fleet.push.short_commit}",
                    run=attempt.run,
                    made=_written(one),
                )

    def remove(self, trace: Trace) -> bool:
        """Restore the previous release on its nodes, or release them; says whether that is done.

        :raises TransientOpenstackError: when it is not.
        """
        fleets = Fleets(self.cloud)
        attempt = ledger.of(fleets.ironic.find_allocation(trace.id)).attempt
        if attempt is None or attempt.run != trace.run:
            return attempt is None
        try:
            watch = fleets.go_back(attempt.fleet, trace.run)
        except SupersededError:
            return False
        if watch is not None:
            outcome = asyncio.run(self._followed(fleets, watch))
            if outcome.state == "superseded":
                return False
            if outcome.state != "healthy":
                raise TransientOpenstackError(
                    f"the previous state was not restored completely: {outcome.reason}"
                )
        if fleets.ironic.find_allocation(trace.id):
            ledger.change(fleets.ironic, trace.id, lambda known: ledger.ended(known, trace.run))
        return True

    async def _followed(self, fleets: Fleets, watch: IronicWatch) -> IronicOutcome:
        try:
            return await asyncio.wait_for(bring(fleets, poll_of(fleets.ironic, self.tick), watch), SECONDS)
        except TimeoutError:
            raise TransientOpenstackError(f"nodes are not restored after {SECONDS / 60:.0f} min") from None


def _allocation(one: Any) -> Allocation:
    return Allocation(
        id=one.id, name=one.name, state=one.state, node=one.node_id, last_error="", extra=one.extra
    )


def _written(one: Any) -> datetime:
    written = datetime.fromisoformat(str(one.updated_at or one.created_at))
    return written if written.tzinfo else written.replace(tzinfo=UTC)
