"""Finds the push of a run: the one on record that started it, or the input of a person's form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.flow.followed import DEPLOY
from slipway.flow.push import PushEvent
from slipway.flow.push_id import is_push_id
from slipway.flow.record import SlipwayError


def push_of(context: Mapping[str, Any]) -> tuple[PushEvent, bool]:
    """Return the run's push, and whether it is to be deployed.

    :param context: Airflow's task context.
    :raises SlipwayError: when the run names none, or who started it may not deploy.
    """
    run = context["dag_run"]
    if is_push_id(run.run_id):
        from slipway.apiserver.client import ask_push

        one = ask_push(run.run_id)
        return one.push, one.deploy
    deploy = bool(context["params"].get("deploy"))
    if deploy:
        require_right_to_deploy(run)
    return push_asked_for(context["params"]), deploy


def require_right_to_deploy(run: Any) -> None:
    """Refuse to deploy for a user who may not start ``deploy``.

    :param run: Airflow's DAG run.
    :raises SlipwayError: when who started it may not.
    """
    from slipway.apiserver.client import ask_may_start

    user = run.triggering_user_name
    if user and not ask_may_start(user, DEPLOY):
        raise SlipwayError(
            f"{user} may build, but not deploy. Start the run without *Deploy it too*, or ask for the role "
            "SlipwayStarter (docs/permissions.md)."
        )


def push_asked_for(params: Mapping[str, Any]) -> PushEvent:
    """Return the push that a person's form names; it counts as pushed now.

    :raises SlipwayError: when the form names no repository, or a ref that is not there.
    """
    repository, ref = params.get("repository"), params.get("ref") or "refs/heads/main"
    if not repository:
        raise SlipwayError("no repository was given. Start the run with the form, or with a push event.")
    at = datetime.now(UTC)  # before the look: what is pushed after it is newer
    commit = params.get("commit") or _head(repository, ref)
    return PushEvent(repository=repository, ref=ref, commit=commit, at=at)


def _head(repository: str, ref: str) -> str:
    from slipway.config import load_apps
    from slipway.github.hook import GithubHook
    from slipway.github.repository import find_commit

    load_apps().get(repository)
    return find_commit(GithubHook().get_conn(), repository, ref)
