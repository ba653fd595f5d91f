"""Brings a fleet's nodes to the wanted release, a few at a time, and reports how that ended.

Runs in the triggerer. What it needs to go on after a crash is on the nodes themselves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Literal

from slipway.flow.ironic.nodes import Decision, NodeFindings, SeenNode, decide
from slipway.flow.record import Record, SlipwayError, TransientError
from slipway.flow.release import SupersededError
from slipway.openstack.ironic import health
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.ironic import Node
from slipway.openstack.ironic.late_allocation import LateAllocation
from slipway.openstack.ironic.releasing import broken, release
from slipway.openstack.ironic.watch import IronicWatch
from slipway.polling import Feed

log = logging.getLogger(__name__)

HANDS = 8
"""Requests to Ironic at the same time."""
SHOWN = 5
REASON_SECONDS = 10.0
"""Ironic says that a deployment failed, and a moment later why."""
Nodes = Mapping[str, Node]


class IronicOutcome(Record):
    """How it ended."""

    state: Literal["healthy", "failed", "superseded"]
    reason: str = ""


class Rollout:
    """One effort to bring nodes to a release."""

    def __init__(self, fleets: Fleets, watch: IronicWatch) -> None:
        assert watch.fleet is not None  # or there were nothing to bring
        self.fleets, self.watch, self.fleet = fleets, watch, watch.fleet
        self.good: set[str] = set()
        self.failed: dict[str, str] = {}
        self.begun: dict[str, str] = {}
        self.beginning: dict[str, asyncio.Task[None]] = {}
        self.hands = asyncio.Semaphore(HANDS)
        self.moved: dict[str, tuple[str, float]] = {}
        self.checks: dict[str, asyncio.Task[str]] = {}
        self.told: set[tuple[str, str]] = set()
        self.unexplained: dict[str, float] = {}
        self.shown, self.since = "", time.monotonic()

    async def follow(self, feed: Feed[Nodes]) -> IronicOutcome:
        """Continue until nothing is left to do, or nothing more may be done."""
        late = LateAllocation(self.fleets, self.watch)
        try:
            while True:
                try:
                    nodes = await feed.next()
                except TransientError as error:
                    log.warning("%s; retrying", error)
                    continue
                if whole := late.at_look():
                    self._grow(whole, nodes)
                if missing := [one for one in self.watch.nodes if one.node not in nodes]:
                    return self._gone(missing[0].index)
                if outcome := await self._step(nodes, late):
                    return outcome
        finally:
            for task in (*self.checks.values(), *self.beginning.values()):
                task.cancel()
            await late.ended()

    def _grow(self, whole: IronicWatch, nodes: Nodes) -> None:
        names = {node.id: node.name for node in nodes.values()}
        for line in whole.lines(names, len(self.watch.nodes)):
            log.info("%s", line)
        self.watch = whole

    async def _step(self, nodes: Nodes, late: LateAllocation) -> IronicOutcome | None:
        shown = (nodes[one.node].seen(one.index) for one in self.watch.nodes)
        seen = [self._as_explained(self._as_begun(one)) for one in shown]
        self._collect()
        self._give_up(seen)
        decision = self._decide(seen)
        if self.fleet.ironic.health is None and decision.check:
            self.good |= {node.id for node in decision.check}
            decision = self._decide(seen)
        self._tell(seen)
        self._say(decision)
        if late.refused:
            is_busy = decision.busy or self.beginning
            return None if is_busy else IronicOutcome(state="failed", reason=late.refused)
        if decision.over and (decision.stopped or not late.is_coming):
            return self._outcome(decision)
        if decision.begin:
            try:
                await asyncio.to_thread(self.fleets.check_mine, self.watch)
            except SupersededError as error:
                return IronicOutcome(state="superseded", reason=str(error))
            except TransientError as error:
                log.warning("%s; retrying", error)
                return None
            for node in decision.begin:
                self.beginning[node.id] = asyncio.create_task(self._begin(node))
        self._check(decision.check)
        if not (self.beginning or decision.stopped):  # Ironic has its hands free
            late.ask()
        return None

    def _decide(self, seen: list[SeenNode]) -> Decision:
        return decide(seen, self.watch.goal, NodeFindings(frozenset(self.good), self.failed))

    async def _begin(self, node: SeenNode) -> None:
        """Begin a node beside the looks: the others' places are filled while it takes its time."""
        try:
            async with self.hands:
                begun = await asyncio.to_thread(self.fleets.begin_node, self.watch, node)
        except TransientError as error:  # locked, most of the time: the next look comes soon
            log.warning("%s: %s; retrying", node.name, error)
        except SlipwayError as error:
            self.failed[node.id] = str(error)
        else:
            self.begun[node.id] = begun
            self.good.discard(node.id)
            self.failed.pop(node.id, None)

    def _as_begun(self, node: SeenNode) -> SeenNode:
        """Show a node as busy that is being begun, or was after this look at it."""
        is_begun = node.id in self.beginning or self.begun.get(node.id) == node.changed
        return replace(node, state="deploying") if is_begun else node

    def _as_explained(self, node: SeenNode) -> SeenNode:
        """Show a node as busy that has failed and does not say why yet."""
        if node.state != "deploy failed" or node.last_error:
            self.unexplained.pop(node.id, None)
            return node
        since = self.unexplained.setdefault(node.id, time.monotonic())
        is_late = time.monotonic() - since > REASON_SECONDS
        return node if is_late else replace(node, state="deploying")

    def _give_up(self, seen: list[SeenNode]) -> None:
        now, limit = time.monotonic(), self.fleet.ironic.deploy_seconds
        for node in seen:
            state = f"{node.state} {node.changed}"
            before, since = self.moved.get(node.id, ("", now))
            self.moved[node.id] = (state, since if before == state else now)
            if before == state and now - since > limit and node.state not in ("active", "available"):
                self.failed.setdefault(node.id, f"{node.state!r} for more than {limit} s")

    def _check(self, nodes: tuple[SeenNode, ...]) -> None:
        addresses = {one.node: one.address for one in self.watch.nodes}
        for node in nodes:
            if node.id not in self.checks and (asked := self.fleet.ironic.health):
                self.checks[node.id] = asyncio.create_task(health.answers(addresses[node.id], asked))

    def _collect(self) -> None:
        for node in [node for node, begun in self.beginning.items() if begun.done()]:
            self.beginning.pop(node).result()
        for node in [node for node, check in self.checks.items() if check.done()]:
            if reason := self.checks.pop(node).result():
                self.failed[node] = reason
            else:
                self.good.add(node)

    def _tell(self, seen: list[SeenNode]) -> None:
        """Say once of each try that failed why it did."""
        for node in seen:
            mine = node.marks is not None and node.marks.effort == self.watch.effort
            if node.state == "deploy failed" and mine and (node.id, node.changed) not in self.told:
                self.told.add((node.id, node.changed))
                log.warning("%s: %s", node.name, node.last_error or "deploy failed")

    def _say(self, decision: Decision) -> None:
        parts = {
            "healthy": len(decision.good),
            "being deployed": len(decision.busy) + len(decision.begin),
            "asked whether they are healthy": len(decision.check),
            "failed": len(decision.failed),
        }
        total = self.fleet.ironic.count
        text = ", ".join(f"{count} {what}" for what, count in parts.items() if count)
        if text != self.shown:
            self.shown = text
            log.info("[%5.1f s] of %d nodes: %s", time.monotonic() - self.since, total, text)

    def _outcome(self, decision: Decision) -> IronicOutcome:
        if not decision.failed:
            return IronicOutcome(state="healthy")
        named = "; ".join(f"{name}: {why}" for name, why in list(decision.failed.items())[:SHOWN])
        more = f"; and {len(decision.failed) - SHOWN} more" if len(decision.failed) > SHOWN else ""
        total = self.fleet.ironic.count
        behind = decision.left + total - len(self.watch.nodes)
        left = f". {behind} nodes were not started" if behind else ""
        return IronicOutcome(
            state="failed", reason=f"{len(decision.failed)} of {total} nodes failed: {named}{more}{left}"
        )

    def _gone(self, index: int) -> IronicOutcome:
        name = f"{self.watch.prefix}{index}"
        return IronicOutcome(
            state="failed",
            reason=f"the node of allocation {name} was undeployed, or moved to another project, meanwhile",
        )


async def give_back(
    fleets: Fleets, watch: IronicWatch, pause: Callable[[], Awaitable[object]]
) -> IronicOutcome:
    """Undeploy the nodes that nothing runs on any more, and wait for the end of that.

    :param pause: what is waited for between two looks.
    """
    keep = watch.fleet.ironic.count if watch.fleet else 0
    given: set[str] = set()
    while True:
        try:
            released = await asyncio.to_thread(release, fleets.ironic, fleets.ports, watch.prefix, keep)
            given |= released.nodes
            if not released.left:
                for why in await asyncio.to_thread(broken, fleets.ironic, given):
                    log.warning("released, but a person must check them: %s", why)
                return IronicOutcome(state="healthy")
        except TransientError as error:
            log.warning("%s; retrying", error)
        else:
            if released.named and len(released.named) >= released.left - (keep == 0):
                return IronicOutcome(state="failed", reason=f"not released: {'; '.join(released.named)}")
        await pause()
