"""A random history of a repository and of its deliveries: the same seed, the same history."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

MAIN, VERSIONS = "refs/heads/main", ("refs/tags/v1", "refs/tags/v2")
FEATURES = ("refs/heads/feature/a", "refs/heads/feature/b")
ENVIRONMENTS = {"production": (MAIN, *VERSIONS), "staging": FEATURES}
"""Which refs go into which environment of the repositories ``tests/history-*`` in the lab's ``apps.yaml``."""
PAUSED = ("push", "container_image", "deploy")
KINDS = {"forward": 6, "fast": 2, "back": 3, "aside": 2, "tag": 3, "together": 3, "delete": 2, "rename": 1}
FATES = {"prompt": 6, "twice": 2, "late": 3, "lost": 2}
Fate = Literal["prompt", "twice", "late", "lost"]


@dataclass(frozen=True)
class Commit:
    """A commit of the history, by its number."""

    number: int
    parent: int | None
    content: int
    """What its image is built from: commits of the same content share an image."""


@dataclass(frozen=True)
class Move:
    """A ref that a push moves."""

    ref: str
    commit: int | None
    """None deletes it."""
    fate: Fate = "prompt"
    """What becomes of its delivery."""
    late: int = 0
    """How many pushes later it arrives, when it is late."""
    annotated: bool = False


@dataclass(frozen=True)
class Step:
    """A push, and what happens around it."""

    kind: str
    commits: tuple[Commit, ...] = ()
    moves: tuple[Move, ...] = ()
    """None: the repository is renamed instead."""
    pause: str = ""
    """The DAG that is paused from before this push until after the next one."""
    calm: bool = False
    """All that has arrived is over before the next push."""

    def __str__(self) -> str:
        """Return it in one line."""
        moved = [
            f"{one.ref}={one.commit} {one.fate}{one.late or ''}{' annotated' if one.annotated else ''}"
            for one in self.moves
        ]
        more = [f"{self.pause} paused"] * bool(self.pause) + ["then calm"] * self.calm
        return f"{self.kind}: {', '.join([*moved, *more])}"


@dataclass(frozen=True)
class Plan:
    """A whole history."""

    seed: int
    steps: tuple[Step, ...]
    sweep_first: bool
    """Late deliveries come after ``reconcile_pushes``."""
    pods: bool
    """What is deployed runs a pod; else it has no replicas."""

    @property
    def commits(self) -> list[Commit]:
        """All of its commits."""
        return [commit for step in self.steps for commit in step.commits]


def draw(seed: int) -> Plan:
    """Return the history of a seed."""
    chance = random.Random(seed)
    drawing = _Drawing(chance)
    kinds = ["forward", *(_one(chance, KINDS) for _ in range(chance.randint(4, 7)))]
    steps = [drawing.step(kind) for kind in kinds]
    return Plan(seed, tuple(steps), sweep_first=chance.random() < 0.5, pods=chance.random() < 0.25)


def _one(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


@dataclass
class _Drawing:
    chance: random.Random
    commits: list[Commit] = field(default_factory=list)
    tips: dict[str, int] = field(default_factory=dict)
    renamed: bool = False

    def step(self, kind: str) -> Step:
        if kind == "rename" and not self.renamed:
            self.renamed = True
            return Step("rename")
        before = len(self.commits)
        moved = {ref: commit for ref, commit in self._moved(kind).items() if commit != self.tips.get(ref)}
        if not moved:  # nothing to delete, nothing older to go back to, or a tag that is there
            kind, moved = "forward", self._forward(MAIN)
        self.tips = {ref: tip for ref, tip in (self.tips | moved).items() if tip is not None}
        return Step(
            kind,
            tuple(self.commits[before:]),
            tuple(self._move(ref, commit) for ref, commit in moved.items()),
            pause=self.chance.choice(PAUSED) if self.chance.random() < 0.2 else "",
            calm=self.chance.random() < 0.35,
        )

    def _moved(self, kind: str) -> dict[str, int | None]:
        chance, known = self.chance, list(self.tips)
        ref = chance.choice((MAIN, MAIN, *FEATURES))
        match kind:
            case "forward":
                return self._forward(ref)
            case "fast":  # main alone: whose order is known where two pushes have one second
                return self._forward(MAIN)
            case "back" if older := self._older(known):
                ref = chance.choice(sorted(older))
                return {ref: chance.choice(older[ref])}
            case "aside" if self.commits:
                return {ref: self._commit(chance.choice(self.commits).number)}
            case "tag" if self.commits:
                return {chance.choice(VERSIONS): chance.choice(self.commits).number}
            case "together":
                [(ref, commit)] = self._forward(ref).items()
                others = chance.sample((MAIN, *FEATURES, *VERSIONS), chance.randint(1, 2))
                return dict.fromkeys((ref, *others), commit)
            case "delete" if gone := [one for one in known if one != MAIN]:
                return {chance.choice(gone): None}
        return {}

    def _older(self, refs: Sequence[str]) -> dict[str, list[int]]:
        found = {ref: [one.number for one in self.commits if one.number < self.tips[ref]] for ref in refs}
        return {ref: numbers for ref, numbers in found.items() if numbers}

    def _forward(self, ref: str) -> dict[str, int | None]:
        return {ref: self._commit(self.tips.get(ref, self.tips.get(MAIN)))}

    def _commit(self, parent: int | None) -> int:
        number = len(self.commits)
        content = number if self.chance.random() < 0.3 else self.chance.randint(0, 1)
        self.commits.append(Commit(number, parent, content))
        return number

    def _move(self, ref: str, commit: int | None) -> Move:
        fate: Fate = _one(self.chance, FATES)  # type: ignore[assignment]
        return Move(
            ref,
            commit,
            fate,
            late=self.chance.randint(1, 3) if fate == "late" else 0,
            annotated=commit is not None and ref in VERSIONS and self.chance.random() < 0.5,
        )
