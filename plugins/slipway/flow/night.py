"""A night's rebuilds: which commits, when in the night, and what came of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from slipway.flow.apps import Apps
from slipway.flow.push import PushEvent
from slipway.flow.record import Record

ENDED = ("success", "failed")
Result = Literal["built anew", "unchanged", "failed", "nothing to build", "not finished"]


class RebuildTurn(Record):
    """One ref whose newest commit is to be built again."""

    repository: str
    ref: str
    deploy: bool
    seconds: float
    """After the beginning of the night."""


class Started(Record):
    """One rebuild: what was pushed again, or why nothing was."""

    turn: RebuildTurn
    push: PushEvent | None = None
    trouble: str = ""


class Came(Record):
    """The state of a rebuild."""

    states: dict[str, str] = {}
    """States of its runs, by DAG."""
    images: dict[str, str] = {}
    """By platform, what its pipelines handed on: ``built``, ``unchanged`` or ``nothing``."""


class RebuildLine(Record):
    """One rebuild in the summary."""

    name: str
    result: Result
    detail: str


def turns(apps: Apps, seconds: float) -> list[RebuildTurn]:
    """Return every application's rebuilds, the earliest first, spread over ``seconds`` by a stable hash."""
    found = [
        RebuildTurn(
            repository=repository,
            ref=ref,
            deploy=application.rebuild.deploy,
            seconds=share(repository, ref) * seconds,
        )
        for repository, application in apps.applications.items()
        for ref in application.rebuilt_refs
    ]
    return sorted(found, key=lambda turn: (turn.seconds, turn.repository, turn.ref))


def share(repository: str, ref: str) -> float:
    """Return which part of the night has passed when it is this ref's turn: the same every night."""
    digest = hashlib.sha256(f"{repository.casefold()} {ref}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def name_of(begun: datetime, *, scheduled: bool) -> str:
    """Return what the night is called that began then; a night that a person began has the minute, too."""
    return f"{begun:%Y-%m-%d}" if scheduled else f"{begun:%Y-%m-%dT%H%M%S}"


def line(started: Started, came: Came) -> RebuildLine:
    """Say what came of one rebuild."""
    name = f"{started.turn.repository} {started.turn.ref.removeprefix('refs/heads/')}"
    if started.push is None:
        return RebuildLine(name=name, result="failed", detail=started.trouble or "it was never started")
    result, detail = _result(came)
    return RebuildLine(name=name, result=result, detail=f"{started.push.short_commit}: {detail}")


def has_ended(came: Came) -> bool:
    """Say whether a rebuild has runs, and none of them goes on."""
    return bool(came.states) and all(state in ENDED for state in came.states.values())


def _result(came: Came) -> tuple[Result, str]:
    if failed := sorted(dag for dag, state in came.states.items() if state == "failed"):
        return "failed", f"{', '.join(failed)} failed"
    if not has_ended(came):
        going = ", ".join(f"{dag} is {state}" for dag, state in sorted(came.states.items()))
        return "not finished", going or "no pipeline has started; is it paused?"
    images = ", ".join(f"{platform} {what}" for platform, what in sorted(came.images.items()))
    if "built" in came.images.values():
        return "built anew", images
    return ("unchanged" if "unchanged" in came.images.values() else "nothing to build"), images


def summary(lines: Sequence[RebuildLine]) -> str:
    """Return what a person reads in the morning: failures first, then what changed, then the rest."""
    order: list[Result] = ["failed", "not finished", "built anew", "unchanged", "nothing to build"]
    ranked = sorted(lines, key=lambda one: (order.index(one.result), one.name))
    widths = [max((len(getattr(one, field)) for one in lines), default=0) for field in ("name", "result")]
    rows = [f"{one.result:<{widths[1]}}  {one.name:<{widths[0]}}  {one.detail}" for one in ranked]
    counted = [(result, sum(one.result == result for one in lines)) for result in order]
    totals = ", ".join(f"{number} {result}" for result, number in counted if number)
    return "\n".join([f"{len(lines)} rebuilds: {totals or 'none'}", *rows])


def failed(lines: Iterable[RebuildLine]) -> list[str]:
    """Return the names of those that did not come through."""
    return sorted(one.name for one in lines if one.result in ("failed", "not finished"))


def came(known: Mapping[str, Came], started: Started) -> Came:
    """Return what is known of a rebuild, by its partition key."""
    return known.get(started.push.partition_key, Came()) if started.push else Came()
