"""The next steps for an application's nodes. Pure: decided from the nodes' state in Ironic.

https://docs.openstack.org/ironic/latest/user/states.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from slipway.flow.ironic.spec import Pacing

BUSY = {"deploying", "wait call-back", "deleting", "cleaning", "clean wait", "rebuild", "verifying"}
"""Ironic is at it, and ends it by itself, well or not."""
BEGINNABLE = {"available", "active", "deploy failed"}
"""The states from which a deployment can start."""
REMOVABLE = {"active", "deploy failed", "wait call-back"}


@dataclass(frozen=True)
class Marks:
    """What was written into ``instance_info`` when a deployment was begun."""

    fingerprint: str
    effort: str
    tries: int
    began_after: str
    """``provision_updated_at`` of the moment before: it is another as soon as Ironic has begun."""


@dataclass(frozen=True)
class SeenNode:
    """A node as Ironic shows it."""

    id: str
    name: str
    index: int
    """Which of the application's nodes it is."""
    state: str
    changed: str = ""
    """``provision_updated_at``: Ironic's clock, when the provision state changed last."""
    last_error: str = ""
    maintenance: bool = False
    maintenance_reason: str = ""
    fault: str = ""
    marks: Marks | None = None


class Phase(Enum):
    """How far a node is on the way to what is wanted."""

    BEHIND = "to be begun"
    BUSY = "being deployed"
    UP = "deployed"
    FAILED = "failed"
    STUCK = "to be fixed by a person"


@dataclass(frozen=True)
class Goal:
    """What the nodes are to run."""

    fingerprint: str
    effort: str
    attempts: int
    pacing: Pacing


@dataclass(frozen=True)
class NodeFindings:
    """What is known of the nodes besides what Ironic shows, by the node's id."""

    good: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why: it does not answer, Ironic refuses to begin, or it takes too long."""


@dataclass(frozen=True)
class Decision:
    """What to do now."""

    begin: tuple[SeenNode, ...] = ()
    check: tuple[SeenNode, ...] = ()
    """Deployed, and to be asked whether they are healthy."""
    busy: tuple[SeenNode, ...] = ()
    good: tuple[SeenNode, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by the node's name."""
    stopped: bool = False
    """Too many have failed: no further node is begun."""
    left: int = 0
    """Nodes that are not begun, and will not be."""

    @property
    def over(self) -> bool:
        """Say whether nothing is going on and nothing is to be begun."""
        return not (self.begin or self.check or self.busy)


def phase(node: SeenNode, goal: Goal) -> Phase:
    """Decide how far ``node`` is."""
    if arrived(node, goal.fingerprint):
        return Phase.UP  # in maintenance too: there is nothing to do to it
    if stuck(node):
        return Phase.STUCK
    if node.state in BUSY:
        return Phase.BUSY
    return Phase.FAILED if node.state == "deploy failed" and _exhausted(node, goal) else Phase.BEHIND


def arrived(node: SeenNode, fingerprint: str) -> bool:
    """Say whether the node runs what was written down, not just that it was written down."""
    marks = node.marks
    return (
        node.state == "active"
        and marks is not None
        and marks.fingerprint == fingerprint
        and marks.began_after != node.changed
    )


def next_try(node: SeenNode, goal: Goal) -> int:
    """Return which try of the effort begins now: the same one again when Ironic has not begun it yet."""
    marks = node.marks
    if marks is None or not _same(marks, goal):
        return 1
    return marks.tries if marks.began_after == node.changed else marks.tries + 1


def stuck(node: SeenNode) -> str:
    """Say why ``node`` needs a person; "" when it does not."""
    if node.maintenance:
        why = node.maintenance_reason or node.last_error or "no reason given"
        return (
            f"{node.name} is in maintenance" + (f" after a {node.fault}" if node.fault else "") + f": {why}"
        )
    if node.state in BUSY | BEGINNABLE:
        return ""
    return f"{node.name} is in state {node.state!r}" + (f": {node.last_error}" if node.last_error else "")


def decide(nodes: Sequence[SeenNode], goal: Goal, health: NodeFindings) -> Decision:
    """Decide which nodes to begin, so that no more are on their way at once than the pacing allows."""
    by: dict[Phase, list[SeenNode]] = {one: [] for one in Phase}
    for node in sorted(nodes, key=lambda node: node.index):
        by[phase(node, goal)].append(node)
    given_up = [node for name in (Phase.BUSY, Phase.BEHIND) for node in by[name] if node.id in health.failed]
    unhealthy = [node for node in by[Phase.UP] if node.id in health.failed]
    again = [node for node in unhealthy if tried(node, goal) < goal.attempts and not stuck(node)]
    failed = {node.name: node.last_error or "deploy failed" for node in by[Phase.FAILED]}
    failed |= {node.name: stuck(node) for node in by[Phase.STUCK]}
    failed |= {node.name: health.failed[node.id] for node in [*given_up, *unhealthy] if node not in again}
    good = [node for node in by[Phase.UP] if node.id in health.good and node not in unhealthy]
    check = [node for node in by[Phase.UP] if node not in good and node not in unhealthy]
    busy = [node for node in by[Phase.BUSY] if node not in given_up]
    behind = [*(node for node in by[Phase.BEHIND] if node not in given_up), *again]
    stopped = len(failed) > goal.pacing.stop_after_failures
    room = max(0, goal.pacing.at_once - len(check) - len(busy))
    return Decision(
        begin=() if stopped else tuple(behind[:room]),
        check=tuple(check),
        busy=tuple(busy),
        good=tuple(good),
        failed=failed,
        stopped=stopped,
        left=len(behind) if stopped else 0,
    )


def tried(node: SeenNode, goal: Goal) -> int:
    """Return how many tries of the effort have begun on ``node``."""
    return node.marks.tries if node.marks is not None and _same(node.marks, goal) else 0


def _exhausted(node: SeenNode, goal: Goal) -> bool:
    marks = node.marks
    # Written down and not begun: what failed is an earlier try, or another image.
    return (
        marks is not None
        and _same(marks, goal)
        and marks.tries >= goal.attempts
        and marks.began_after != node.changed
    )


def _same(marks: Marks, goal: Goal) -> bool:
    return (marks.fingerprint, marks.effort) == (goal.fingerprint, goal.effort)
