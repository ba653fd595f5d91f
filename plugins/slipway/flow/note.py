"""A run in one line: for whom it is, then what was built or deployed, or why not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.flow.deployment import Deployment
from slipway.flow.ended import Account
from slipway.flow.image import Built

SUPERSEDED = "superseded: "
"""Begins the note of a push that builds nothing."""
LENGTH, MOST = 300, 1000
"""Of a line, which is for reading; of a note as Airflow keeps it."""

WAITS = "waits: "
"""How the line of a note begins that says what the run waits for."""

_FAILURE = re.compile(r"failed(?: at \S+)?: (?P<reason>.+)")


def of_start(repository: str, ref: str, commit: str, environment: str, source: str = "") -> str:
    """Say for whom a run is: Airflow's own ids do not.

    :param environment: where it deploys; "" when it builds.
    :param source: the environment whose release it promotes.
    """
    to = f" to {environment}" if environment else ""
    what = f"what {source} runs" if source else f"{commit[:12] or 'the newest commit'} of {ref}"
    line = f"{repository}{to}: {what}"
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"


def of_build(handed_on: Mapping[str, Any] | None) -> str:
    """Say what a pipeline handed on.

    :param handed_on: what its task ``publish`` returned.
    """
    if handed_on is None:
        return ""
    built = Built.from_json(handed_on)
    if built.image is None:
        return f"{built.push.short_commit}: nothing declared for this platform"
    how = "unchanged since an earlier build" if built.reused else "built"
    return f"{built.image.application} at {built.push.short_commit}: {how}, {built.image.digest}"


def of_deployments(events: Sequence[Mapping[str, Any]]) -> str:
    """Say what a run of ``deploy`` put into place.

    :param events: what it registered, a deployment for each platform.
    """
    if not events:
        return "nothing was deployed: see the log of `release` or of a rollout"
    deployed = [Deployment.from_json(event) for event in events]
    first, platforms = deployed[0], sorted({one.platform for one in deployed})
    return f"{first.application} at {first.push.short_commit} in {first.environment}: {', '.join(platforms)}"


def of_failure(task_id: str, account: Account | None) -> str:
    """Say where a run failed, and why."""
    reason = account.error.strip().splitlines()[0] if account and account.error.strip() else "see its log"
    line = f"failed at {task_id}: {reason}" if task_id else f"failed: {reason}"
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"


def reason_of(note: str | None) -> str:
    """Return why a run failed, from a note that :func:`of_failure` wrote; "" from any other."""
    found = _FAILURE.match(note or "")
    return found["reason"] if found else ""


def over(before: str | None, line: str) -> str:
    """Return a run's note: the outcome first, then what a person, or an earlier try, wrote."""
    if not before or not line:
        return line or before or ""
    return before if before.startswith(line) else f"{line}\n{before}"[:MOST]


def of_turn(before: str | None, waits: str = "", let: str = "") -> str:
    """Return the note of a run that asked for its turn: what it waits for replaces what it waited for.

    :param waits: why no release begins there now; "" when the run does not wait for that.
    :param let: who let it through, when and why.
    """
    lines = [line for line in (before or "").splitlines() if not line.startswith(WAITS)]
    first = f"{WAITS}{waits}" if waits else let
    first = first if len(first) <= LENGTH else first[: LENGTH - 1] + "…"
    if first and first not in lines:
        lines.insert(0, first)
    return "\n".join(lines)[:MOST]


def waits_for(note: str | None) -> str:
    """Return what a run waits for, from a note that :func:`of_turn` wrote; "" from any other."""
    first = (note or "").partition("\n")[0]
    return first.removeprefix(WAITS) if first.startswith(WAITS) else ""
