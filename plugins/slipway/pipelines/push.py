"""The tasks of ``push`` for a person: a push on request, and its end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slipway.apiserver.client import ask_push, report_push
from slipway.config import load_apps
from slipway.flow.followed import Followed
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.flow.recorded import trouble
from slipway.flow.ref_order import Reported
from slipway.github.hook import GithubHook
from slipway.github.repository import is_on_ref
from slipway.pipelines.pushes import push_asked_for, require_right_to_deploy

log = logging.getLogger(__name__)


def begin(params: Mapping[str, Any], run: Any) -> Followed:
    """Report the push that the form asks for; one of the same commit and ref that is under way is joined.

    :param run: Airflow's DAG run.
    :raises SlipwayError: when the repository is not in ``apps.yaml``, has no such ref, or the commit is not
        on it; or when who started the run may not deploy.
    """
    deploy = bool(params.get("deploy"))
    if deploy:
        require_right_to_deploy(run)
    asked, apps = push_asked_for(params), load_apps()
    apps.get(asked.repository)
    spelled = apps.name_of(asked.repository) or asked.repository
    if params.get("commit"):
        require_on_ref(spelled, asked.ref, asked.commit)
    push = asked.model_copy(update={"repository": spelled, "pusher": run.triggering_user_name or ""})
    received = report_push(Reported(push=push, source="person", deploy=deploy))
    log.info("%s", received.told())
    one = received.push
    return Followed(id=one.id, push=one.push, deploy=one.deploy, joined=received.placed.verdict == "known")


def require_on_ref(repository: str, ref: str, commit: str) -> None:
    """Refuse a commit that is neither what its ref points to nor behind it.

    :raises SlipwayError: naming both.
    """
    if not is_on_ref(GithubHook().get_conn(), PushEvent(repository=repository, ref=ref, commit=commit)):
        raise SlipwayError(
            f"commit {commit[:12]} is not on {ref} of {repository}: {ref} neither points to it nor has it in "
            "its history. Name the ref that it is on; `git branch --all --contains` and `git tag --contains` "
            "list them."
        )


def conclude(followed: Any) -> str:
    """Log how a push ended, and return it.

    :raises SlipwayError: when the push did not come through.
    """
    known = Followed.from_json(followed)
    one = ask_push(known.id)
    log.info("%s: %s %s", one.id, one.outcome, one.reason)
    if said := trouble(one):
        raise SlipwayError(f"{known.push.partition_key}: {said}")
    return one.outcome
