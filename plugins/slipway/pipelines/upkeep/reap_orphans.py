"""The tasks of ``reap_orphans``: decide what Slipway made is orphaned, and remove it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from slipway.apiserver.client import ask_runs
from slipway.diskimage_builder import inputs as dib
from slipway.flow.orphans import OrphanVerdict, RunState, Trace, application_of, judge, named_runs, table
from slipway.flow.record import SlipwayError, TransientError
from slipway.packer import inputs as packer
from slipway.pipelines.upkeep.orphan_places import OrphanPlace

log = logging.getLogger(__name__)

AskRuns = Callable[[Iterable[str]], Mapping[str, RunState]]


def reap(places: Sequence[OrphanPlace], grace: timedelta, *, dry_run: bool, ask: AskRuns = ask_runs) -> int:
    """Find, show and remove orphans; returns how many went.

    A place that cannot be looked at, or a thing that cannot be removed, does not stop the others.

    :param dry_run: show, and remove nothing.
    :param ask: tells what is known of runs, those that live among it.
    :raises TransientError: naming what could not be looked at or removed.
    """
    troubles: list[str] = []
    found = [trace for place in places for trace in _found(place, troubles)]
    now = datetime.now(UTC)
    verdicts = _judged(found, now, grace, ask)
    log.info("%s", f"what was found:\n{table(verdicts, now)}" if verdicts else "nothing was found")
    orphans = [one.trace for one in verdicts if one.orphan]
    if dry_run:
        log.info("dry run: %d would be removed, nothing is", len(orphans))
        gone = 0
    else:
        check = _Check(found, grace, ask)
        gone = sum(_removed(place, orphans, check, troubles) for place in places)
        log.info("%d of %d orphans are removed", gone, len(orphans))
    if troubles:
        listed = "".join(f"\n  {trouble}" for trouble in troubles)
        raise TransientError(f"not everything succeeded; the next run continues:{listed}")
    return gone


def _found(place: OrphanPlace, troubles: list[str]) -> list[Trace]:
    try:
        return list(place.find())
    except SlipwayError as error:
        log.warning("%s cannot be inspected: %s", place.name, error)
        troubles.append(f"{place.name} could not be inspected: {error}")
        return []


def _judged(found: Sequence[Trace], now: datetime, grace: timedelta, ask: AskRuns) -> list[OrphanVerdict]:
    if not found:
        return []
    runs = ask(named_runs(found))
    return judge(found, runs, now, grace, names(found, [run for run, state in runs.items() if state.lives]))


def names(traces: Iterable[Trace], living: Sequence[str]) -> dict[str, str]:
    """Return the runs that live, by the names of traces that are theirs."""
    applications = {application_of(trace.name) for trace in traces} - {""}
    return {
        name(application, run): run
        for application in applications
        for run in living
        for name in (packer.build_name, dib.build_name)
    }


@dataclass(frozen=True)
class _Check:
    """Decides once more right before a removal: a person may have started the run again meanwhile."""

    found: Sequence[Trace]
    grace: timedelta
    ask: AskRuns

    def judge(self, trace: Trace) -> OrphanVerdict:
        """Decide about a trace by the current state of its run."""
        verdicts = _judged(self.found, datetime.now(UTC), self.grace, self.ask)
        return next(one for one in verdicts if one.trace == trace)


def _removed(place: OrphanPlace, orphans: Sequence[Trace], check: _Check, troubles: list[str]) -> int:
    """Remove a place's orphans in the order in which they were found, what uses others first."""
    gone = 0
    for trace in (trace for trace in orphans if trace.place == place.name):
        try:
            if not (again := check.judge(trace)).orphan:
                log.info("%s %s stays: %s", trace.kind, trace.name, again.reason)
            elif place.remove(trace):
                log.info("removed %s %s", trace.kind, trace.name)
                gone += 1
            else:
                log.info("%s %s stays: it has changed since it was found", trace.kind, trace.name)
        except SlipwayError as error:
            log.warning("%s %s is not removed: %s", trace.kind, trace.name, error)
            troubles.append(f"{trace.kind} {trace.name} ({trace.id}) is not removed: {error}")
    return gone
