"""What to do next with nodes: properties over invented Ironics, and the cases people ask about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.ironic.nodes import (
    Goal,
    Marks,
    NodeFindings,
    Phase,
    SeenNode,
    arrived,
    decide,
    next_try,
    phase,
    stuck,
)
from slipway.flow.ironic.spec import Pacing
from tests.examples import examples

NEW, OLD = "sha256:new", "sha256:old"
STATES = (
    "available",
    "active",
    "deploying",
    "wait call-back",
    "deploy failed",
    "clean failed",
    "deleting",
    "error",
    "manageable",
    "rescue",
)
BY_A_PERSON = {"clean failed", "error", "manageable", "rescue"}


def goal(at_once: int = 1, failures: int = 0, attempts: int = 2, effort: str = "run") -> Goal:
    return Goal(NEW, effort, attempts, Pacing(at_once=at_once, stop_after_failures=failures))


marks = st.builds(
    Marks,
    fingerprint=st.sampled_from([NEW, OLD]),
    effort=st.sampled_from(["run", "another", "run went back"]),
    tries=st.integers(1, 4),
    began_after=st.sampled_from(["1", "2", "3"]),
)
seen = st.builds(
    SeenNode,
    id=st.uuids().map(str),
    name=st.just("node"),
    index=st.integers(0, 50),
    state=st.sampled_from(STATES),
    changed=st.sampled_from(["1", "2", "3"]),
    last_error=st.sampled_from(["", "broken"]),
    maintenance=st.booleans(),
    marks=st.none() | marks,
)
fleets = st.lists(seen, max_size=12, unique_by=lambda node: node.id).map(
    lambda nodes: [replace(node, index=i, name=f"node-{i}") for i, node in enumerate(nodes)]
)
goals = st.builds(goal, st.integers(1, 6), st.integers(0, 4), st.integers(1, 4))


@given(fleets, goals, st.data())
def test_every_node_is_in_one_place(nodes: list[SeenNode], wanted: Goal, data: st.DataObject) -> None:
    ids = [node.id for node in nodes]
    good = frozenset(data.draw(st.lists(st.sampled_from(ids))) if ids else [])
    failed = dict.fromkeys(data.draw(st.lists(st.sampled_from(ids))) if ids else [], "no answer")
    decision = decide(nodes, wanted, NodeFindings(good, failed))
    placed = [*decision.begin, *decision.check, *decision.busy, *decision.good]
    assert len(set(placed)) == len(placed)
    assert not {node.name for node in placed} & decision.failed.keys()
    assert len(placed) + len(decision.failed) + decision.left <= len(nodes)


@given(fleets, goals)
def test_no_more_are_on_their_way_than_the_pacing_allows(nodes: list[SeenNode], wanted: Goal) -> None:
    decision = decide(nodes, wanted, NodeFindings())
    under_way = len(decision.busy) + len(decision.check)
    assert not decision.begin or len(decision.begin) + under_way <= wanted.pacing.at_once


@given(fleets, goals)
def test_what_a_person_must_fix_is_named_and_never_begun(nodes: list[SeenNode], wanted: Goal) -> None:
    decision = decide(nodes, wanted, NodeFindings())
    for node in nodes:
        if node.maintenance or node.state in BY_A_PERSON:
            assert node not in decision.begin
            if not arrived(node, NEW):
                assert node.name in decision.failed[node.name]


@given(fleets, goals)
def test_after_too_many_failures_nothing_is_begun(nodes: list[SeenNode], wanted: Goal) -> None:
    decision = decide(nodes, wanted, NodeFindings())
    if len(decision.failed) > wanted.pacing.stop_after_failures:
        assert not decision.begin


@given(seen, goals)
def test_nothing_arrived_that_was_only_written_down(node: SeenNode, wanted: Goal) -> None:
    if node.marks is None or node.marks.began_after == node.changed or node.marks.fingerprint != NEW:
        assert not arrived(node, NEW)
        assert phase(node, wanted) is not Phase.UP


@dataclass
class Machine:
    """An Ironic of one node: what is begun fails as often as it is told to."""

    fails: int
    lost: int
    """Beginnings that a worker writes down, and dies before it asks for."""
    seen: SeenNode
    clock: count[int] = field(default_factory=lambda: count(10))
    begun: int = 0

    def begin(self, wanted: Goal) -> None:
        tries = next_try(self.seen, wanted)
        written = Marks(wanted.fingerprint, wanted.effort, tries, self.seen.changed)
        self.seen = replace(self.seen, marks=written)
        if self.lost:
            self.lost -= 1
            return
        self.begun += 1
        failed = self.begun <= self.fails
        self.seen = replace(
            self.seen,
            state="deploy failed" if failed else "active",
            changed=str(next(self.clock)),
            last_error="broken" if failed else "",
        )


@examples(200)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=8),
    st.sampled_from(["available", "active", "deploy failed"]),
    goals,
)
def test_a_rollout_ends_and_no_try_is_counted_that_never_began(
    troubles: list[tuple[int, int]], state: str, wanted: Goal
) -> None:
    fleet = {
        str(i): Machine(fails, lost, SeenNode(str(i), f"node-{i}", i, state, "1"))
        for i, (fails, lost) in enumerate(troubles)
    }
    good: frozenset[str] = frozenset()
    for _ in range(200):
        decision = decide([one.seen for one in fleet.values()], wanted, NodeFindings(good))
        if decision.over:
            break
        good |= {node.id for node in decision.check}
        for node in decision.begin:
            fleet[node.id].begin(wanted)
    else:
        pytest.fail("it does not end")
    for one in fleet.values():
        assert one.begun <= wanted.attempts
        if one.seen.name in decision.failed:
            assert one.begun == wanted.attempts
    if not decision.failed:
        assert all(arrived(one.seen, NEW) for one in fleet.values())
    else:
        assert len(decision.failed) > wanted.pacing.stop_after_failures or not decision.left


def test_another_effort_counts_its_own_tries() -> None:
    failed = SeenNode("1", "node", 0, "deploy failed", "5", "broken", marks=Marks(NEW, "before", 2, "4"))
    assert phase(failed, goal()) is Phase.BEHIND
    assert next_try(failed, goal()) == 1


def test_what_runs_already_is_not_begun_again_by_another_run() -> None:
    running = SeenNode("1", "node", 0, "active", "5", marks=Marks(NEW, "before", 1, "4"))
    assert phase(running, goal()) is Phase.UP


def test_a_node_that_does_not_answer_is_begun_again_while_there_are_tries() -> None:
    silent = SeenNode("1", "node", 0, "active", "5", marks=Marks(NEW, "run", 1, "4"))
    health = NodeFindings(failed={"1": "no answer"})
    assert decide([silent], goal(), health).begin == (silent,)
    spent = replace(silent, marks=Marks(NEW, "run", 2, "4"))
    assert decide([spent], goal(), health).failed == {"node": "no answer"}


def test_a_fault_is_named_with_maintenance() -> None:
    faulty = SeenNode(
        "1", "node", 0, "active", fault="power failure", maintenance=True, last_error="no power"
    )
    assert stuck(faulty) == "node is in maintenance after a power failure: no power"


def test_a_node_in_maintenance_that_runs_what_is_wanted_is_let_be() -> None:
    kept = SeenNode("1", "node", 0, "active", "5", maintenance=True, marks=Marks(NEW, "run", 1, "4"))
    assert decide([kept], goal(), NodeFindings(frozenset({"1"}))).good == (kept,)
    silent = decide([kept], goal(), NodeFindings(failed={"1": "no answer"}))
    assert not silent.begin
    assert silent.failed == {"node": "no answer"}
