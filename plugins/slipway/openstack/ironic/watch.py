"""The watch of a fleet: all that the triggerer receives, and the nodes' goal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.ironic.nodes import Goal
from slipway.flow.ironic.spec import Pacing
from slipway.flow.record import Record


class Placed(Record):
    """One of the application's nodes."""

    index: int
    node: str
    address: str = ""
    """In the tenant's network."""


class IronicWatch(Record):
    """The nodes and their goal; all that the triggerer receives."""

    run: str
    effort: str
    """The run, or that it goes back: what the nodes carry."""
    prefix: str
    """Of the allocations' names."""
    fleet: IronicPlan | None = None
    """None when nothing is to run afterwards."""
    nodes: tuple[Placed, ...] = ()
    """At the beginning perhaps only the first ones."""
    network: str = ""
    """Id."""

    @property
    def first(self) -> str:
        """Name of the allocation that carries the ledger."""
        return f"{self.prefix}0"

    @property
    def is_partial(self) -> bool:
        """Say whether nodes are still to be allocated."""
        return self.fleet is not None and len(self.nodes) < self.fleet.ironic.count

    @property
    def goes_back(self) -> bool:
        """Say whether this is the way back."""
        return self.effort != self.run

    @property
    def goal(self) -> Goal:
        """Return what is wanted of the nodes."""
        assert self.fleet is not None  # or there were no goal
        ironic = self.fleet.ironic
        # On the way back no failure is a reason to leave the others where they are.
        pacing = ironic.pacing
        if self.goes_back:
            pacing = Pacing(at_once=pacing.at_once, stop_after_failures=ironic.count)
        return Goal(self.fleet.fingerprint, self.effort, ironic.attempts, pacing)

    def lines(self, names: Mapping[str, str], after: int = 0) -> Iterator[str]:
        """Yield for the log which node is which, by the nodes' ``names``; the first ``after`` are known."""
        for one in self.nodes[after:]:
            at = f" at {one.address}" if one.address else ""
            yield f"{self.prefix}{one.index} is node {names.get(one.node, one.node)}{at}"
