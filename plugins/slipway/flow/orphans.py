"""Which of the things that Slipway made outside are orphans: their run is over, and nothing uses them.

A thing says by a mark which run made it. One that can carry no mark is judged by its age, or by the run of
a thing with the same name: what one build makes is called alike everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import AwareDatetime

from slipway.flow.record import Record

LONGEST = timedelta(hours=48)
"""More than any run takes: ``build_seconds`` may be a day, and there are retries."""
BUILD_PREFIXES = ("slipway-build-", "slipway-dib-")
"""How the names begin of what a build makes on its way; the application and a hash of the run follow."""


class Trace(Record):
    """One thing outside, as it was found."""

    place: str
    """The system that has it; it finds and removes things of its own only."""
    kind: str
    id: str
    name: str
    run: str = ""
    """Id of the run that made it; empty when it can carry none."""
    made: AwareDatetime
    used_by: str = ""
    """What uses it, for people: a thing in use is never an orphan."""
    local: bool = False
    """Only this Airflow makes things like it there: without a living run, it is orphaned."""


class RunState(Record):
    """The state of a run in Airflow."""

    lives: bool
    """It is queued or running; its tasks may be retried."""
    ended: AwareDatetime | None = None


class OrphanVerdict(Record):
    """The decision about a thing, with its reason."""

    trace: Trace
    orphan: bool
    reason: str


def named_runs(traces: Iterable[Trace]) -> set[str]:
    """Return the ids of the runs that traces name."""
    return {trace.run for trace in traces if trace.run}


def judge(
    traces: Sequence[Trace],
    runs: Mapping[str, RunState],
    now: datetime,
    grace: timedelta,
    names: Mapping[str, str] | None = None,
) -> list[OrphanVerdict]:
    """Decide about each trace.

    :param runs: what is known of the runs that traces name; another Airflow's are not among them.
    :param grace: what has to have passed since the end of a run, or since the thing was made.
    :param names: runs that live, by the names that they give.
    """
    marked = [trace for trace in traces if trace.run and is_build_name(trace.name)]
    marked.sort(key=lambda trace: trace.run in runs and runs[trace.run].lives)  # one that lives has the say
    by_name = {trace.name: trace.run for trace in marked} | dict(names or {})
    return [_judge(trace, trace.run or by_name.get(trace.name, ""), runs, now, grace) for trace in traces]


def is_build_name(name: str) -> bool:
    """Say whether ``name`` is one that a build gives to what it makes on its way."""
    return name.startswith(BUILD_PREFIXES)


def application_of(name: str) -> str:
    """Return the application that is in the name of what a build makes; "" when it is no such name."""
    prefix = next((prefix for prefix in BUILD_PREFIXES if name.startswith(prefix)), name)
    return name.removeprefix(prefix).rpartition("-")[0]


def _judge(
    trace: Trace, run: str, runs: Mapping[str, RunState], now: datetime, grace: timedelta
) -> OrphanVerdict:
    if trace.used_by:
        return OrphanVerdict(trace=trace, orphan=False, reason=f"used by {trace.used_by}")
    if run in runs:
        return _of_known_run(trace, run, runs[run], now, grace)
    if trace.local and not run:
        return _of_known_run(trace, "of its build", RunState(lives=False), now, grace)
    # No run, or one that this Airflow does not know: it was cleaned away, or is another Airflow's.
    whose = f"run {run} is not known here" if run else "it names no run"
    allowed = LONGEST + grace
    if now - trace.made <= allowed:
        return OrphanVerdict(
            trace=trace, orphan=False, reason=f"{whose}, and it is younger than {_hours(allowed)}"
        )
    return OrphanVerdict(
        trace=trace,
        orphan=True,
        reason=f"{whose}, and it is older than {_hours(allowed)}",
    )


def _of_known_run(trace: Trace, run: str, state: RunState, now: datetime, grace: timedelta) -> OrphanVerdict:
    if state.lives:
        return OrphanVerdict(trace=trace, orphan=False, reason=f"run {run} is under way")
    since = max(filter(None, (trace.made, state.ended)))
    if now - since < grace:
        return OrphanVerdict(
            trace=trace, orphan=False, reason=f"run {run} ended less than {_hours(grace)} ago"
        )
    return OrphanVerdict(trace=trace, orphan=True, reason=f"run {run} has ended")


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def table(verdicts: Sequence[OrphanVerdict], now: datetime) -> str:
    """Return what was found as text, the orphans first, aligned below a line of headings."""
    lines = [("what", "where", "name", "age", "", "why")]
    for one in sorted(verdicts, key=lambda one: (not one.orphan, one.trace.kind, one.trace.name)):
        age = _age(now - one.trace.made)
        fate = "orphan" if one.orphan else "stays"
        lines.append((one.trace.kind, one.trace.place, one.trace.name, age, fate, one.reason))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[5]])
        for line in lines
    )


def _age(age: timedelta) -> str:
    minutes = max(int(age.total_seconds() // 60), 0)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
