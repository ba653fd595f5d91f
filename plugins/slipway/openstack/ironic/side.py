"""Ironic's side of a release: the ledger in the first allocation says what is good, and what is tried."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from slipway.flow.deployment import Deployment
from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.plans import deployed
from slipway.flow.release import NOTHING
from slipway.openstack.hook import OpenstackHook
from slipway.openstack.ironic import ledger
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.releasing import wait_released
from slipway.rollout.side import Side

log = logging.getLogger(__name__)

RELEASE_SECONDS = 120.0
"""How long nodes that are not needed any more are waited for."""


class IronicSide(Side[IronicPlan]):
    """The cloud that the plan is for."""

    def before(self, run: str) -> str:
        """Return what the ledger says was good before ``run``."""
        with self.fleets() as fleets:
            known = ledger.before(fleets.read(self.plan), run)
        return ledger.described(known.fleet) if known else NOTHING

    def refuse_older(self, run: str) -> None:
        """Read the ledger."""
        with self.fleets() as fleets:
            ledger.claim(fleets.read(self.plan), ledger.IronicAttempt(run=run, fleet=self.plan))

    def check(self, run: str) -> None:
        """Read the ledger."""
        with self.fleets() as fleets:
            known = fleets.read(self.plan)
        if not ledger.is_good(known, run):
            ledger.mine(known, run)

    def keep(self, run: str) -> Deployment:
        """Mark it as good in the ledger."""
        now = datetime.now(UTC)
        with self.fleets() as fleets:
            prefix = fleets.prefix(self.plan)
            done = ledger.change(fleets.ironic, f"{prefix}0", lambda known: ledger.succeeded(known, run, now))
        assert done.good is not None  # it was just taken for that
        replaced = done.previous.fleet.image.digest if done.previous else None
        return _deployment(done.good, prefix, replaced)

    def clear(self, run: str) -> None:
        """Release nodes that only the previous version needed."""
        count = self.plan.ironic.count
        with self.fleets() as fleets:
            prefix = fleets.prefix(self.plan)
            ledger.change(fleets.ironic, f"{prefix}0", lambda known: ledger.settled(known, run))
            for left in wait_released(fleets.ironic, fleets.ports, prefix, count, RELEASE_SECONDS):
                log.warning("not released yet: %s. The next deployment does it", left)

    def end(self, run: str) -> None:
        """Say that ``run`` tries nothing any more, now that the nodes are as they were before it."""
        with self.fleets() as fleets:
            first = f"{fleets.prefix(self.plan)}0"
            if fleets.ironic.find_allocation(first):
                ledger.change(fleets.ironic, first, lambda known: ledger.ended(known, run))

    @contextmanager
    def fleets(self) -> Iterator[Fleets]:
        """Log in, for one exchange in a task."""
        with OpenstackHook(self.plan.cloud).get_conn() as cloud:
            yield Fleets(cloud)


def _deployment(good: ledger.IronicGood, prefix: str, replaced: str | None) -> Deployment:
    ironic = good.fleet.ironic
    where = f"{ironic.count} x {ironic.resource_class}, allocations {prefix}*"
    return deployed(good.fleet, where, good.since, replaced)
