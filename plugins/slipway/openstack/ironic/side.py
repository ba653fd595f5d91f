"""Ironic's side of a release: the ledger in the first allocation says what is good, and what is tried."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from slipway.flow.deployment import Deployment
from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.release import NOTHING
from slipway.openstack.hook import OpenstackHook
from slipway.openstack.ironic import ledger
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.releasing import wait_released
from slipway.rollout.side import Json, Side

log = logging.getLogger(__name__)

RELEASE_SECONDS = 120.0
"""How long nodes that are not needed any more are waited for."""


class IronicSide(Side):
    """Plans are :class:`slipway.flow.ironic.fleet.IronicPlan`.

    :param conn_id: connection of type ``slipway_openstack``.
    """

    def __init__(self, conn_id: str = OpenstackHook.default_conn_name) -> None:
        self.conn_id = conn_id

    @classmethod
    def of(cls, plan: Json) -> IronicSide:
        """Return the side of the cloud that the plan is for."""
        return cls(IronicPlan.from_json(plan).cloud)

    def tried(self, plan: Json) -> str:
        """Return the release's commit and digest."""
        return ledger.described(IronicPlan.from_json(plan))

    def before(self, plan: Json, run: str) -> str:
        """Return what the ledger says was good before ``run``."""
        with self.fleets() as fleets:
            known = ledger.before(fleets.read(IronicPlan.from_json(plan)), run)
        return ledger.described(known.fleet) if known else NOTHING

    def refuse_older(self, plan: Json, run: str) -> None:
        """Read the ledger."""
        fleet = IronicPlan.from_json(plan)
        with self.fleets() as fleets:
            ledger.claim(fleets.read(fleet), ledger.IronicAttempt(run=run, fleet=fleet))

    def check(self, plan: Json, run: str) -> None:
        """Read the ledger."""
        with self.fleets() as fleets:
            known = fleets.read(IronicPlan.from_json(plan))
        if not ledger.is_good(known, run):
            ledger.mine(known, run)

    def keep(self, plan: Json, run: str) -> Deployment:
        """Write into the ledger that it is good."""
        fleet, now = IronicPlan.from_json(plan), datetime.now(UTC)
        with self.fleets() as fleets:
            prefix = fleets.prefix(fleet)
            done = ledger.change(fleets.ironic, f"{prefix}0", lambda known: ledger.succeeded(known, run, now))
        assert done.good is not None  # it was just taken for that
        replaced = done.previous.fleet.image.digest if done.previous else None
        return _deployment(done.good, prefix, replaced)

    def clear(self, plan: Json, run: str) -> None:
        """Give back nodes that only the version before needed."""
        fleet = IronicPlan.from_json(plan)
        with self.fleets() as fleets:
            prefix = fleets.prefix(fleet)
            ledger.change(fleets.ironic, f"{prefix}0", lambda known: ledger.settled(known, run))
            for left in wait_released(
                fleets.ironic, fleets.ports, prefix, fleet.ironic.count, RELEASE_SECONDS
            ):
                log.warning("not given back yet: %s. The next deployment does it", left)

    def end(self, plan: Json, run: str) -> None:
        """Say that ``run`` tries nothing any more, now that the nodes are as they were before it."""
        with self.fleets() as fleets:
            first = f"{fleets.prefix(IronicPlan.from_json(plan))}0"
            if fleets.ironic.find_allocation(first):
                ledger.change(fleets.ironic, first, lambda known: ledger.ended(known, run))

    @contextmanager
    def fleets(self) -> Iterator[Fleets]:
        """Log in, for one exchange in a task."""
        with OpenstackHook(self.conn_id).get_conn() as cloud:
            yield Fleets(cloud)


def _deployment(good: ledger.IronicGood, prefix: str, replaced: str | None) -> Deployment:
    fleet = good.fleet
    return Deployment(
        push=fleet.push,
        application=fleet.application,
        environment=fleet.environment,
        platform="bare_metal",
        image=fleet.image,
        where=f"{fleet.ironic.count} x {fleet.ironic.resource_class}, allocations {prefix}*",
        replaced=replaced,
        since=good.since,
    )
