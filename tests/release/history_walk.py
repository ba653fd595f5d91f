"""Lives one history on the lab: real pushes, whose deliveries arrive as the plan has it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from slipway.cli.api import Airflow
from tests.dags.pushing import Source, run_with_id
from tests.release.history_pauses import Pauses
from tests.release.history_plan import Commit, Move, Plan, Step
from tests.release.history_records import PushRow, Records
from tests.release.history_registry import Registry, SentDelivery, renamed
from tests.release.releases import wait_for

SWEEP = "reconcile_pushes"
IDLE = "FROM scratch\nCOPY content /content\n"
SERVING = """\
FROM busybox:1.36
COPY content /content
USER 65534
CMD ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"]
"""
POD = "{replicas: 1, resources: {cpu: 10m, memory: 16Mi}}"


@dataclass
class Walk:
    """One history of one repository."""

    plan: Plan
    name: str
    """Of the application."""
    repository: str
    registry: Registry
    records: Records
    airflow: Airflow
    pauses: Pauses
    code: Source
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    tips: dict[str, str] = field(default_factory=dict)
    """What the refs point to."""
    ranks: dict[str, int] = field(default_factory=dict)
    """Which push each delivery is of; that of "" is the sweep's."""
    first: set[str] = field(default_factory=set)
    """The deliveries that are no replays."""
    commits: dict[int, str] = field(default_factory=dict)
    _arrived: list[SentDelivery] = field(default_factory=list)
    _late: list[tuple[int, SentDelivery]] = field(default_factory=list)
    _paused: list[tuple[int, str]] = field(default_factory=list)
    _second: int = 0
    """Of the last push."""

    def live(self) -> None:
        """Live it to the end: nothing is under way any more."""
        try:
            for number, step in enumerate(self.plan.steps):
                self._live(number, step)
        finally:
            self._go_on(len(self.plan.steps))
        self._end()

    def rows(self) -> list[PushRow]:
        """Return the history's pushes on record, in Slipway's order."""
        return self.records.rows(self.repository, self.since, self.ranks)

    def quiet(self) -> None:
        """Wait until all of the repository's pushes are over."""
        wait_for(lambda: not self.records.busy(self.repository))

    def _live(self, number: int, step: Step) -> None:
        if step.kind == "rename":
            self.registry.repositories.rename(self.repository, renamed(self.repository))
            return
        if step.pause:
            self.pauses.change(step.pause, 1)
            self._paused.append((number + 1, step.pause))
        mains = {move.ref for move in step.moves} == {"refs/heads/main"}
        if step.kind != "fast" or not mains:
            self._next_second()
        for move, sent in self._push(step):
            self.ranks[sent.id] = number
            self.first.add(sent.id)
            if move.fate == "late":
                self._late.append((number + move.late, sent))
            elif move.fate != "lost":
                self._deliver(*[sent] * (2 if move.fate == "twice" else 1))
        self._deliver_late(number)
        self._go_on(number)
        if step.calm and not self._paused:
            self.quiet()

    def _end(self) -> None:
        last = len(self.plan.steps)
        if not self.plan.sweep_first:
            self._deliver_late(last + 3)
        self._next_second()
        self.ranks[""] = last
        self._sweep()
        self._deliver_late(last + 3)
        chance = random.Random(self.plan.seed)
        again = chance.sample(self._arrived, len(self._arrived) // 2)
        replayed = [sent.renewed() if chance.random() < 0.5 else sent for sent in again]
        self.ranks |= {new.id: self.ranks[sent.id] for new, sent in zip(replayed, again, strict=True)}
        self._deliver(*replayed)
        self.quiet()

    def _push(self, step: Step) -> list[tuple[Move, SentDelivery]]:
        for commit in step.commits:
            self.commits[commit.number] = self._commit(commit)
        targets = [f"+{self._object(move)}:{move.ref}" for move in step.moves]
        self.code.copy._git("push", "--quiet", "origin", *targets)
        for move in step.moves:
            if move.commit is None:
                del self.tips[move.ref]
            else:
                self.tips[move.ref] = self.commits[move.commit]
        sent = {one.payload["ref"]: one for one in self.registry.mailbox.empty()}
        self._second = max(one.payload["repository"]["pushed_at"] for one in sent.values())
        return [(move, sent[move.ref]) for move in step.moves]

    def _object(self, move: Move) -> str:
        """Return what a ref is to point to; "" deletes it."""
        if move.commit is None:
            return ""
        commit = self.commits[move.commit]
        if not move.annotated:
            return commit
        self.code.copy._git("tag", "--annotate", "--force", "--message=a release", "made", commit)
        return "refs/tags/made"

    def _commit(self, commit: Commit) -> str:
        if commit.parent is not None:
            self.code.copy._git("checkout", "--quiet", "--detach", self.commits[commit.parent])
        kubernetes = POD if self.plan.pods else "{replicas: 0}"
        return self.code.commit(
            {
                "slipway.yaml": f"version: 1\nname: {self.name}\ncontainer: {{kubernetes: {kubernetes}}}\n",
                "Dockerfile": SERVING if self.plan.pods else IDLE,
                ".dockerignore": "slipway.yaml\nnumber\n",
                "content": f"{commit.content}\n",
                "number": f"{commit.number}\n",
            }
        )

    def _deliver(self, *sent: SentDelivery) -> None:
        for one in sent:
            self.registry.deliver(one)
        self._arrived += sent

    def _deliver_late(self, number: int) -> None:
        due = [sent for when, sent in self._late if when <= number]
        self._late = [(when, sent) for when, sent in self._late if when > number]
        self._deliver(*due)

    def _go_on(self, number: int) -> None:
        for _, dag_id in [one for one in self._paused if one[0] <= number]:
            self.pauses.change(dag_id, -1)
        self._paused = [one for one in self._paused if one[0] > number]

    def _sweep(self) -> None:
        body = {"logical_date": None, "conf": {"repositories": [self.repository], "grace_minutes": 0}}
        answer = self.pauses.api.post(f"/api/v2/dags/{SWEEP}/dagRuns", json=body)
        assert answer.status_code == 200, answer.text
        run = run_with_id(self.airflow, str(answer.json()["dag_run_id"]), SWEEP)
        assert run.state == "success", run.story

    def _next_second(self) -> None:
        wait_for(lambda: int(time.time()) > self._second, pause=0.05)
