"""The tasks of ``nightly_rebuild``: turns, a push again, and the summary."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.apiserver.client import ask_pushes, ask_under_way
from slipway.config import load_apps
from slipway.flow import night as flow
from slipway.flow.night import Came, RebuildTurn, Started
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.github.hook import GithubHook
from slipway.github.repository import find_commit

log = logging.getLogger(__name__)

BEGINS = timedelta(minutes=15)
"""Within which a push has runs, unless its pipelines are paused."""
ENDS = timedelta(hours=12)
"""More than anybody waits for a summary."""


def plan(hours: float, repositories: Sequence[str], most: int) -> list[RebuildTurn]:
    """Return the night's turns.

    :param repositories: only these; every one of ``apps.yaml`` when there is none.
    :param most: how many tasks Airflow lets one task become.
    :raises SlipwayError: when one of them is not in ``apps.yaml``, or there are too many.
    """
    apps = load_apps()
    names = {name for asked in repositories if apps.get(asked) for name in [apps.name_of(asked)]}
    found = [one for one in flow.turns(apps, hours * 3600) if not names or one.repository in names]
    if len(found) > most:
        raise SlipwayError(
            f"{len(found)} refs are to be rebuilt, but Airflow maps a task at most {most} times: raise "
            "[core] max_map_length, or exclude refs by `rebuild` in apps.yaml."
        )
    for turn in found:
        log.info("+%5.1f min  %s %s", turn.seconds / 60, turn.repository, turn.ref)
    log.info("%d refs are rebuilt over %g h", len(found), hours)
    return found


def night(run: Any) -> str:
    """Return what a DAG run's night is called; a retry finds the same."""
    return flow.name_of(run.run_after, scheduled=str(run.run_type) == "scheduled")


def push_of(turn: RebuildTurn, night: str) -> PushEvent:
    """Return the push of a ref's newest commit.

    :raises SlipwayError: when the ref is not there.
    """
    at = datetime.now(UTC)  # before the look: what is pushed after it is newer
    commit = find_commit(GithubHook().get_conn(), turn.repository, turn.ref)
    return PushEvent(
        repository=turn.repository,
        ref=turn.ref,
        commit=commit,
        pusher="nightly_rebuild",
        at=at,
        rebuild=night,
    )


def is_busy(night: str, parallel: int) -> bool:
    """Say whether as many rebuilds are under way as there may be."""
    going = ask_under_way(night)
    if going >= parallel:
        log.info("%d rebuilds are under way, of at most %d: waiting for one to end", going, parallel)
    return going >= parallel


def trouble(turn: Mapping[str, Any], said: str) -> dict[str, Any]:
    """Return what the summary reports of a turn that came to nothing."""
    return {"repository": turn["repository"], "ref": turn["ref"], "trouble": said}


def started(planned: Iterable[Any], pushed: Iterable[Any], troubles: Iterable[Any]) -> list[Started]:
    """Combine the plan with the results, from what the tasks returned."""
    pushes = {(push.repository, push.ref): push for push in map(PushEvent.from_json, pushed)}
    said = {(one["repository"], one["ref"]): str(one["trouble"]) for one in troubles}
    return [
        Started(
            turn=turn,
            push=pushes.get((turn.repository, turn.ref)),
            trouble=said.get((turn.repository, turn.ref), ""),
        )
        for turn in map(RebuildTurn.from_json, planned)
    ]


def look(begun: Iterable[Started]) -> dict[str, Came]:
    """Return what became of the pushes, by partition key."""
    known = ask_pushes(one.push.partition_key for one in begun if one.push)
    return {
        key: Came(states={run.dag_id: run.state for run in push.runs}, images=dict(push.images))
        for key, push in known.items()
    }


def goes_on(begun: Iterable[Started], found: Mapping[str, Came], waited: timedelta) -> bool:
    """Say whether it is worth waiting for any of the rebuilds."""
    waiting = [came for one in begun if one.push and not flow.has_ended(came := flow.came(found, one))]
    if not waiting:
        return False
    return waited < (ENDS if any(came.states for came in waiting) else BEGINS)


def conclude(begun: Sequence[Started], found: Mapping[str, Came]) -> None:
    """Log the summary.

    :raises SlipwayError: naming the rebuilds that did not come through.
    """
    lines = [flow.line(one, flow.came(found, one)) for one in begun]
    log.info("%s", flow.summary(lines))
    if failed := flow.failed(lines):
        raise SlipwayError(
            f"{len(failed)} of {len(lines)} rebuilds failed: {', '.join(failed[:50])}. The table above names "
            "the pipelines that failed; the other rebuilds are done."
        )
