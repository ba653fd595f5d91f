"""Brings an application's fleet to a release: claimed, allocated, begun node by node, put back, released.

Every step may be repeated: what is to be on a node is written down on it before it is begun, and an
allocation is found by its name.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openstack.connection import Connection

from slipway.flow import fleet as names
from slipway.flow.fleet import Fleet, instance_info
from slipway.flow.ironic import Pacing
from slipway.flow.nodes import BEGINNABLE, REMOVABLE, Goal, Seen, next_try, stuck
from slipway.flow.record import Record
from slipway.flow.release import SupersededError
from slipway.openstack.errors import OpenstackError
from slipway.openstack.glance.glance import Glance
from slipway.openstack.ironic import ledger
from slipway.openstack.ironic.allocating import allocate
from slipway.openstack.ironic.errors import RefusedError
from slipway.openstack.ironic.ironic import Allocation, Ironic, Node, drive
from slipway.openstack.ironic.ledger import Attempt, Ledger
from slipway.openstack.ironic.ports import Ports

log = logging.getLogger(__name__)


class Placed(Record):
    """One of the application's nodes."""

    index: int
    node: str
    address: str = ""
    """In the tenant's network."""


class Watch(Record):
    """What is brought where; all that the triggerer is told."""

    run: str
    effort: str
    """The run, or that it goes back: what the nodes carry."""
    prefix: str
    """Of the allocations' names."""
    fleet: Fleet | None = None
    """None when nothing is to run any more."""
    nodes: tuple[Placed, ...] = ()
    network: str = ""
    """Id."""

    @property
    def first(self) -> str:
        """Name of the allocation that carries the ledger."""
        return f"{self.prefix}0"

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


@dataclass(frozen=True)
class Released:
    """How far nodes are given back."""

    left: int = 0
    """Allocations that are still there."""
    named: tuple[str, ...] = ()
    """Why a person must go on, for each of these for which that is so."""
    nodes: frozenset[str] = frozenset()
    """Ids of the nodes."""


@dataclass(frozen=True)
class Fleets:
    """The fleets of one project."""

    cloud: Connection

    @property
    def ironic(self) -> Ironic:
        """The project's nodes."""
        return Ironic(self.cloud)

    @property
    def ports(self) -> Ports:
        """The project's ports."""
        return Ports(self.cloud)

    def prefix(self, fleet: Fleet) -> str:
        """Return how the names of the fleet's allocations begin."""
        return names.prefix(fleet.application, fleet.environment, self.ironic.project)

    def read(self, fleet: Fleet) -> Ledger:
        """Return what is known of the application's nodes."""
        return ledger.of(self.ironic.find_allocation(f"{self.prefix(fleet)}0"))

    def begin(self, fleet: Fleet, run: str) -> Watch:
        """Claim the application's nodes for ``run`` and allocate those that are missing.

        :raises SupersededError: when a newer push is in place or on its way.
        :raises RefusedError: when there is no node, the image does not fit, or a node needs a person.
        """
        network = self.ports.network(fleet.ironic.network) if fleet.ironic.network else ""
        fleet = self._with_hash(fleet)
        prefix = self.prefix(fleet)
        self._claim(fleet, prefix, run)
        allocated = allocate(self.ironic, fleet, prefix, run)
        nodes = {node.id: node for node in self.ironic.nodes_of(fleet.ironic.resource_class)}
        self._refuse_unfit(fleet, allocated, nodes)
        return self._watch(fleet, prefix, run, run, network, allocated)

    def go_back(self, fleet: Fleet, run: str) -> Watch | None:
        """Write down that ``run`` goes back, and return what to bring where.

        :returns: None when there is nothing of this run.
        :raises SupersededError: when another run took its place; nothing is touched.
        """
        prefix, effort = self.prefix(fleet), f"{run} went back"
        known = self.read(fleet)
        if not ledger.is_mine(known, run) and not ledger.is_good(known, run):
            if known.attempt is not None:
                raise SupersededError(
                    f"{known.attempt.fleet.push.short_commit} is being rolled out, and goes on"
                )
            if known.good is None and (left := self.ironic.allocations(prefix)):
                log.info("%d allocations are left of an earlier try", len(left))
                return Watch(run=run, effort=effort, prefix=prefix)
            return None
        known = ledger.change(self.ironic, f"{prefix}0", lambda now: ledger.taken_back(now, run))
        tried = ledger.mine(known, run)
        if known.good is None:
            log.info("there was no version before: the nodes are given back")
            return Watch(run=run, effort=effort, prefix=prefix)
        good = known.good.fleet
        log.info("going back from %s to %s", tried.push.short_commit, ledger.described(good))
        network = self.ports.network(good.ironic.network) if good.ironic.network else ""
        allocated = allocate(self.ironic, good, prefix, run)
        return self._watch(good, prefix, run, effort, network, allocated)

    def begin_node(self, watch: Watch, seen: Seen) -> str:
        """Write down what is to be on a node, and have Ironic begin.

        :returns: ``provision_updated_at`` of the moment before; what shows it was seen before.
        :raises ConflictError: while the node is locked.
        :raises RefusedError: when Ironic will not.
        """
        assert watch.fleet is not None  # or there were nothing to begin
        fleet, now = watch.fleet, self.ironic.node(seen.id).seen(seen.index)
        if why := stuck(now):
            raise RefusedError(why)
        if now.state not in BEGINNABLE:
            return ""  # somebody was faster; the next look shows what comes of it
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

    def check_mine(self, watch: Watch) -> None:
        """Say whether the run may still touch the nodes.

        :raises SupersededError: when a newer push took its place.
        """
        ledger.mine(ledger.of(self.ironic.find_allocation(watch.first)), watch.run)

    def release(self, prefix: str, keep: int) -> Released:
        """Have Ironic undeploy the nodes from index ``keep`` on, the first one last; call it again and again."""
        allocations = {index: one for index, one in self.ironic.allocations(prefix).items() if index >= keep}
        if not allocations:
            self.ports.delete(prefix, keep)
            return Released()
        nodes = {node.id: node for node in self.ironic.nodes()}
        named: list[str] = []
        for index, one in allocations.items():
            if index == 0 and len(allocations) > 1:
                continue  # it carries the ledger
            node = nodes.get(one.node or "")
            if node is None or node.seen(index).state == "available":
                self.ironic.delete_allocation(one.id)
            elif why := stuck(node.seen(index)):
                named.append(why)
            elif node.seen(index).state in REMOVABLE:
                log.info("%s: undeployed", node.name)
                self.ironic.provision(node.id, "deleted")
        taken = frozenset(one.node for one in allocations.values() if one.node)
        return Released(len(allocations), tuple(named), taken)

    def broken(self, nodes: Iterable[str]) -> list[str]:
        """Say which of the nodes, given back by now, only a person can go on with."""
        seen = (self.ironic.node(node).seen(0) for node in nodes)
        return [why for one in seen if (why := stuck(one))]

    def _claim(self, fleet: Fleet, prefix: str, run: str) -> None:
        attempt, first = Attempt(run=run, fleet=fleet), f"{prefix}0"
        have = self.ironic.allocations(prefix)
        if 0 in have and ledger.LEDGER in have[0].extra:
            ledger.change(self.ironic, first, lambda now: ledger.claim(now, attempt))
            return
        if left := [one.name for index, one in have.items() if index and one.state == "active"]:
            raise RefusedError(
                f"{', '.join(left)} are allocated, and what Slipway knew of them is gone with {first}. "
                "Undeploy their nodes (openstack baremetal node undeploy NODE) and start the run again."
            )
        ironic = fleet.ironic
        self.ironic.create_allocation(
            first, ironic.resource_class, ironic.traits, ledger.carried(ledger.claim(Ledger(), attempt))
        )

    def _with_hash(self, fleet: Fleet) -> Fleet:
        """Look at the image before any node is touched."""
        if fleet.url:
            return fleet
        if fleet.image.glance is None:
            raise RefusedError(f"image {fleet.image.digest} is not in Glance: start its pipeline again")
        image = Glance(self.cloud).get(fleet.image.glance)
        if image.status != "active":
            raise OpenstackError(f"image {image.id} is {image.status} in Glance: start its pipeline again")
        known = image.hash_value if image.hash_algo == "sha512" else ""
        return fleet.model_copy(update={"sha512": known or ""})

    def _refuse_unfit(
        self, fleet: Fleet, allocated: Mapping[int, Allocation], nodes: Mapping[str, Node]
    ) -> None:
        """Refuse before the first node is touched what would fail on the last one."""
        found = [(index, nodes[str(one.node)]) for index, one in allocated.items() if one.node in nodes]
        if need_person := [why for index, node in found if (why := stuck(node.seen(index)))]:
            raise RefusedError(
                f"{'; '.join(need_person)}. Nothing was touched: put it right (openstack baremetal node "
                "show), or delete its allocation to have another node chosen, and start the run again"
            )
        size = self._size(fleet)
        small = [f"{node.name} ({node.disk_gib} GiB)" for _, node in found if 0 < node.disk_gib << 30 < size]
        if small:
            raise RefusedError(
                f"the image takes {-(-size >> 30)} GiB of disk, and {', '.join(small)} has less: make it "
                "smaller, or ask for another resource_class"
            )

    def _size(self, fleet: Fleet) -> int:
        """Return how many bytes of disk the image takes, as far as that is known."""
        root = (fleet.ironic.root_gib or 0) << 30 if fleet.kind == "partition" else 0
        if fleet.url or fleet.image.glance is None:
            return root
        image = Glance(self.cloud).get(fleet.image.glance)
        sizes = (image.virtual_size, image.size, (image.min_disk or 0) << 30, root)
        return max(int(size or 0) for size in sizes)

    def _watch(
        self,
        fleet: Fleet,
        prefix: str,
        run: str,
        effort: str,
        network: str,
        allocated: Mapping[int, Allocation],
    ) -> Watch:
        addresses = dict(self._addresses(prefix, network, run, allocated))
        nodes = tuple(
            Placed(index=index, node=str(one.node), address=addresses.get(index, ""))
            for index, one in allocated.items()
        )
        return Watch(run=run, effort=effort, prefix=prefix, fleet=fleet, nodes=nodes, network=network)

    def _addresses(
        self, prefix: str, network: str, run: str, allocated: Iterable[int]
    ) -> Iterable[tuple[int, str]]:
        if not network:
            return
        have = self.ports.addresses(prefix)
        for index in allocated:
            yield index, have.get(index) or self.ports.ensure(f"{prefix}{index}", network, run)[1]

    def _ensure_attached(self, watch: Watch, seen: Seen) -> None:
        port, _ = self.ports.ensure(f"{watch.prefix}{seen.index}", watch.network, watch.run)
        if port not in self.ironic.attached(seen.id):
            self.ironic.attach(seen.id, port)


def wait_released(fleets: Fleets, prefix: str, keep: int, seconds: float, pause: float = 2.0) -> list[str]:
    """Release, and wait a while for the end of it.

    :returns: what is left then.
    """
    deadline = time.monotonic() + seconds
    while True:
        released = fleets.release(prefix, keep)
        if released.left == len(released.named):
            return list(released.named)
        if time.monotonic() > deadline:
            return [*released.named, f"{released.left} nodes are still being undeployed"]
        time.sleep(pause)
