"""A push on request: which runs belong to it, when it has ended, what failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from slipway.flow.platforms import PIPELINES
from slipway.flow.push import PushEvent
from slipway.flow.record import Record

PUSH, DEPLOY = "push", "deploy"
ENDED = ("success", "failed")
States = Mapping[str, str]
"""Of the push's runs, by DAG."""


class Followed(Record):
    """A push whose runs are waited for."""

    push: PushEvent
    deploy: bool
    before: tuple[str, ...] = ()
    """Ids of the runs of its partition key that were over when it was asked for."""
    joined: bool = False
    """It was under way already: nothing was begun anew."""


def states(followed: Followed, runs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the states of the push's own runs.

    :param runs: of its partition key, oldest first: ``dag_id``, ``run_id``, ``state``.
    """
    return {run["dag_id"]: run["state"] for run in runs if run["run_id"] not in followed.before}


def is_under_way(found: States) -> bool:
    """Say whether any of the runs goes on."""
    return any(state not in ENDED for state in found.values())


def is_through(followed: Followed, found: States) -> bool:
    """Say whether waiting changes nothing: every pipeline has ended, and what comes after them."""
    return not is_under_way(found) and not missing(followed, found)


def missing(followed: Followed, found: States) -> list[str]:
    """Return the DAGs that have no run, and will be given one."""
    awaited = list(PIPELINES.values())
    if followed.deploy and not any(found.get(dag) == "failed" for dag in awaited):
        awaited.append(DEPLOY)
    return [dag for dag in awaited if dag not in found]


def trouble(followed: Followed, found: States) -> str:
    """Return why the push did not get through, and the cure; "" when it did."""
    if failed := sorted(dag for dag, state in found.items() if state == "failed"):
        return f"{', '.join(failed)} failed: see the log of the failed task there."
    if lacking := missing(followed, found):
        return (
            f"{', '.join(lacking)} did not start: a DAG that is paused, or has an import error, takes no "
            "push. Correct that, and request the push again."
        )
    return ""
