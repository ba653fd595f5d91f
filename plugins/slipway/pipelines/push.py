"""The tasks of ``push``: a push on request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slipway.apiserver.client import ask_pushes
from slipway.config import load_apps
from slipway.flow.followed import ENDED, Followed, trouble
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.pipelines.pushes import push_asked_for, require_right_to_deploy

log = logging.getLogger(__name__)


def begin(params: Mapping[str, Any], run: Any) -> Followed:
    """Return the push that the form asks for, and whether one of the same commit is under way.

    :param run: Airflow's DAG run.
    :raises SlipwayError: when the repository is not in ``apps.yaml``, or has no such ref, or who started the
        run may not deploy.
    """
    deploy = bool(params.get("deploy"))
    if deploy:
        require_right_to_deploy(run)
    asked = push_asked_for(params)
    apps = load_apps()
    apps.get(asked.repository)
    spelled = apps.name_of(asked.repository) or asked.repository
    who = run.triggering_user_name or ""
    push = PushEvent(repository=spelled, ref=asked.ref, commit=asked.commit, pusher=who, at=asked.at)
    known = ask_pushes([push.partition_key]).get(push.partition_key)
    runs = known.runs if known else ()
    over = tuple(run.run_id for run in runs if run.state in ENDED)
    living = [run for run in runs if run.state not in ENDED]
    return Followed(
        push=push,
        deploy=deploy,
        before=() if living else over,
        joined=bool(living),
    )


def conclude(followed: Any, states: Mapping[str, str]) -> None:
    """Log how each run ended.

    :raises SlipwayError: when the push did not get through.
    """
    known = Followed.from_json(followed)
    for dag, state in states.items():
        log.info("%-18s %s", dag, state)
    if told := trouble(known, states):
        raise SlipwayError(f"{known.push.partition_key}: {told}")
