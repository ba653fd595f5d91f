"""Brings an application's fleet to a release: claims, allocates, deploys node by node, restores, releases.

Every step may be repeated: what is to be on a node is written down on it before it is begun, and an
allocation is found by its name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openstack.connection import Connection

from slipway.flow.ironic import fleet as names
from slipway.flow.ironic.fleet import IronicPlan, instance_info
from slipway.flow.ironic.nodes import BEGINNABLE, SeenNode, next_try, stuck
from slipway.flow.property_keys import CloudKey
from slipway.flow.release import SupersededError
from slipway.openstack.ironic import ledger
from slipway.openstack.ironic.allocating import allocate, free_nodes
from slipway.openstack.ironic.errors import IronicRefusedError
from slipway.openstack.ironic.ironic import Allocation, IronicClient, drive
from slipway.openstack.ironic.ledger import IronicAttempt, IronicLedger
from slipway.openstack.ironic.ports import Ports
from slipway.openstack.ironic.preflight import disk_bytes, is_small, refuse_unfit, with_hash
from slipway.openstack.ironic.watch import IronicWatch, Placed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fleets:
    """The fleets of one project."""

    cloud: Connection

    @property
    def ironic(self) -> IronicClient:
        """The project's nodes."""
        return IronicClient(self.cloud)

    @property
    def ports(self) -> Ports:
        """The project's ports."""
        return Ports(self.cloud)

    def prefix(self, fleet: IronicPlan) -> str:
        """Return how the names of the fleet's allocations begin."""
        return names.prefix(fleet.application, fleet.environment, self.ironic.project)

    def read(self, fleet: IronicPlan) -> IronicLedger:
        """Return what is known of the application's nodes."""
        return ledger.of(self.ironic.find_allocation(f"{self.prefix(fleet)}0"))

    def begin(self, fleet: IronicPlan, run: str) -> IronicWatch:
        """Claim the application's nodes for ``run`` and allocate what is needed at first.

        :raises SupersededError: when a newer push is in place or on its way.
        :raises IronicRefusedError: when there is no node, the image does not fit, or a node needs a person.
        """
        network = self.ports.network(fleet.ironic.network) if fleet.ironic.network else ""
        fleet = with_hash(self.cloud, fleet)
        watch = IronicWatch(run=run, effort=run, prefix=self.prefix(fleet), fleet=fleet, network=network)
        self._claim(fleet, watch.prefix, run)
        size = disk_bytes(self.cloud, fleet)
        return self._allocated(watch, fleet, size, self._first(fleet, size, watch.prefix))

    def complete(self, watch: IronicWatch) -> IronicWatch:
        """Allocate also what was not needed at first.

        :raises IronicRefusedError: when it is not to be had any more.
        """
        assert watch.fleet is not None  # or there were nothing to allocate
        size = disk_bytes(self.cloud, watch.fleet)
        return self._allocated(watch, watch.fleet, size, watch.fleet.ironic.count)

    def go_back(self, fleet: IronicPlan, run: str) -> IronicWatch | None:
        """Record that ``run`` rolls back, and return the nodes' goal.

        :returns: None when there is nothing of this run.
        :raises SupersededError: when another run took its place; nothing is touched.
        """
        prefix, effort = self.prefix(fleet), f"{run} rolled back"
        known = self.read(fleet)
        if not ledger.is_mine(known, run) and not ledger.is_good(known, run):
            if known.attempt is not None:
                raise SupersededError(
                    f"{known.attempt.fleet.push.short_commit} is being rolled out, and continues"
                )
            if known.good is None and (left := self.ironic.allocations(prefix)):
                log.info("%d allocations remain from an earlier try", len(left))
                return IronicWatch(run=run, effort=effort, prefix=prefix)
            return None
        known = ledger.change(self.ironic, f"{prefix}0", lambda now: ledger.taken_back(now, run))
        tried = ledger.mine(known, run)
        if known.good is None:
            log.info("there was no previous version: releasing the nodes")
            return IronicWatch(run=run, effort=effort, prefix=prefix)
        good = known.good.fleet
        log.info("going back from %s to %s", tried.push.short_commit, ledger.described(good))
        network = self.ports.network(good.ironic.network) if good.ironic.network else ""
        watch = IronicWatch(run=run, effort=effort, prefix=prefix, fleet=good, network=network)
        return self._placed(watch, allocate(self.ironic, good, prefix, run, good.ironic.count))

    def begin_node(self, watch: IronicWatch, seen: SeenNode) -> str:
        """Write down what is to be on a node, and have Ironic begin.

        :returns: ``provision_updated_at`` of the moment before; what shows it was seen before.
        :raises ConflictError: while the node is locked.
        :raises IronicRefusedError: when Ironic will not.
        """
        assert watch.fleet is not None  # or there were nothing to begin
        fleet, now = watch.fleet, self.ironic.node(seen.id).seen(seen.index)
        if why := stuck(now):
            raise IronicRefusedError(why)
        if now.state not in BEGINNABLE:
            return ""  # another was faster; the next look shows the result
        tries, marks = next_try(now, watch.goal), now.marks
        written = marks is not None and (marks.effort, marks.tries) == (watch.effort, tries)
        if not (written and marks is not None and marks.began_after == now.changed):
            info = instance_info(fleet, seen.index, watch.effort, tries, now.changed)
            self.ironic.describe(seen.id, info)
        if watch.network:
            self._ensure_attached(watch, seen)
        verb = "rebuild" if now.state == "active" else "active"
        log.info("%s: %s, try %d of %d", now.name, verb, tries, fleet.ironic.attempts)
        named = f"{fleet.application}-{fleet.environment}-{seen.index}"
        self.ironic.provision(seen.id, verb, drive(fleet.user_data, named))
        return now.changed

    def check_mine(self, watch: IronicWatch) -> None:
        """Say whether the run may still touch the nodes.

        :raises SupersededError: when a newer push took its place.
        """
        ledger.mine(ledger.of(self.ironic.find_allocation(watch.first)), watch.run)

    def _claim(self, fleet: IronicPlan, prefix: str, run: str) -> None:
        attempt, first = IronicAttempt(run=run, fleet=fleet), f"{prefix}0"
        have = self.ironic.allocations(prefix)
        if 0 in have and CloudKey.LEDGER in have[0].extra:
            ledger.change(self.ironic, first, lambda now: ledger.claim(now, attempt))
            return
        if left := [one.name for index, one in have.items() if index and one.state == "active"]:
            raise IronicRefusedError(
                f"{', '.join(left)} are allocated, but Slipway's record of them is lost with {first}. "
                "Undeploy their nodes (openstack baremetal node undeploy NODE) and start the run again."
            )
        ironic = fleet.ironic
        self.ironic.create_allocation(
            first, ironic.resource_class, ironic.traits, ledger.carried(ledger.claim(IronicLedger(), attempt))
        )

    def _first(self, fleet: IronicPlan, size: int, prefix: str) -> int:
        """Return how many nodes are allocated before one is begun.

        For each that it chooses Ironic looks at all that are free, and hundreds take it a while. Those of
        the second batch are chosen while the first is deployed, unless it is to be seen that this cannot
        come to a good end: then nothing is to be touched.
        """
        wanted, have = fleet.ironic, self.ironic.allocations(prefix)
        needed = max([wanted.pacing.at_once, *(index + 1 for index in have)])
        if needed >= wanted.count:
            return wanted.count
        free = free_nodes(self.ironic, fleet)
        # Read after the free nodes: one that was just claimed is then among them, or allocated, or both.
        taken = {one.node for one in self.ironic.allocations(prefix).values() if one.node}
        is_enough = wanted.count <= len(taken | {node.id for node in free})
        is_sure = is_enough and not any(is_small(node, size) for node in free)
        return needed if is_sure else wanted.count

    def _allocated(self, watch: IronicWatch, fleet: IronicPlan, size: int, count: int) -> IronicWatch:
        allocated = allocate(self.ironic, fleet, watch.prefix, watch.run, count)
        nodes = {node.id: node for node in self.ironic.nodes_of(fleet.ironic.resource_class)}
        refuse_unfit(fleet, size, allocated, nodes)
        return self._placed(watch, allocated)

    def _placed(self, watch: IronicWatch, allocated: Mapping[int, Allocation]) -> IronicWatch:
        addresses = dict(self._addresses(watch, allocated))
        nodes = tuple(
            Placed(index=index, node=str(one.node), address=addresses.get(index, ""))
            for index, one in allocated.items()
        )
        return watch.model_copy(update={"nodes": nodes})

    def _addresses(self, watch: IronicWatch, allocated: Iterable[int]) -> Iterable[tuple[int, str]]:
        if not watch.network:
            return
        have = self.ports.addresses(watch.prefix)
        for index in allocated:
            name = f"{watch.prefix}{index}"
            yield index, have.get(index) or self.ports.ensure(name, watch.network, watch.run)[1]

    def _ensure_attached(self, watch: IronicWatch, seen: SeenNode) -> None:
        port, _ = self.ports.ensure(f"{watch.prefix}{seen.index}", watch.network, watch.run)
        if port not in self.ironic.attached(seen.id):
            self.ironic.attach(seen.id, port)
