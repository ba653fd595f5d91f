"""The tasks of ``deploy`` that are not one platform's: what the release is, and keeping it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slipway.config import load_apps
from slipway.flow.approval import APPROVE_TASK, RELEASE_TASK, ApprovalRequest
from slipway.flow.apps import Application
from slipway.flow.deployment import Deployment
from slipway.flow.environments import Environment
from slipway.flow.plans import ReleasePlan
from slipway.flow.platforms import PLATFORMS, Platform
from slipway.flow.push import PushEvent
from slipway.flow.push_progress import next_step
from slipway.flow.record import TransientError
from slipway.flow.recorded import RecordedPush
from slipway.flow.release import Release, SupersededError, assemble
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.pipelines.images.commit import read_spec
from slipway.pipelines.release.plans import PLANS, PlatformRelease
from slipway.pipelines.release.sides import sides_of
from slipway.pipelines.task_endings import NothingToDo
from slipway.rollout import keeping
from slipway.rollout.operators import REASON, go_back_task, rollout_task
from slipway.rollout.side import Json, Side

Plans = dict[Platform, Json | None]
PROMOTE_TASK = "promote"
"""The task that writes a promotion down."""

log = logging.getLogger(__name__)


def release_of(one: RecordedPush) -> Release:
    """Put together what the pipelines of a push handed on.

    :raises NothingToDo: when it is not to be deployed, or there is no image.
    """
    step = next_step(one.push, one.progress, one.deploy)
    if step.state != "deploying":
        raise NothingToDo(step.reason or f"{one.id} is {step.state}")
    return assemble(known.built for known in one.progress.values() if known.built)


def plans_of(
    release: Release, run: str, environment: str = "", promoted_from: str | None = None
) -> tuple[Plans, ApprovalRequest | None, tuple[str, ...]]:
    """Return what is to run, by platform (None where there is nothing), whom to ask before, and the order.

    :param run: the run that deploys.
    :param environment: of ``apps.yaml``; the one that takes the release's ref when it is empty.
    :param promoted_from: the environment that runs the release already.
    :raises NothingToDo: when no environment takes the ref, or nothing of the release is to run.
    :raises SlipwayError: when ``slipway.yaml`` or a manifest breaks a rule.
    """
    push = release.push
    apps = load_apps()
    name, chosen = _environment(apps.get(push.repository), push, environment)
    names = apps.names_of(push.repository)
    plans: Plans = dict.fromkeys(PLATFORMS)
    with fetched(GithubHook().get_conn(), push) as commit:
        spec = read_spec(commit)
        for platform, image in release.images.items():
            planned = PLANS[platform](PlatformRelease(push, commit, spec, image, name, chosen, run, names))
            plans[platform] = planned.to_json() if planned else None
    if not any(plans.values()):
        raise NothingToDo(f"slipway.yaml of {push.repository} describes for no image how to run it")
    if (approval := chosen.approvers) is None:
        return plans, None, spec.order
    request = ApprovalRequest(
        push=push,
        names=names,
        application=spec.name,
        environment=name,
        approval=approval,
        promoted_from=promoted_from,
    )
    return plans, request, spec.order


def idle(plans: Plans, request: ApprovalRequest | None, promoted_from: str | None) -> list[str]:
    """Return the tasks that have nothing to do."""
    none = [platform for platform, plan in plans.items() if not plan]
    tasks = [task for platform in none for task in (rollout_task(platform), go_back_task(platform))]
    return [*tasks, *([] if request else [APPROVE_TASK]), *([] if promoted_from else [PROMOTE_TASK])]


def keep_release(context: Any) -> list[Deployment]:
    """Keep the release on every platform, or on none.

    :raises DownstreamTasksSkipped: when a newer push took every platform.
    :raises TransientError: when it took some: it is on its way to the others.
    """
    from airflow.sdk.exceptions import DownstreamTasksSkipped

    ti, run = context["ti"], context["run_id"]
    sides = sides_of(ti.xcom_pull(task_ids=RELEASE_TASK))
    gone = _superseded(ti, sides, run)
    if not gone:
        return keeping.keep(sides, run)
    told = "; ".join(f"{name}: {reason}" for name, reason in gone.items())
    if len(gone) < len(sides):
        raise TransientError(f"a newer push took over some of the platforms, nothing is kept: {told}")
    log.info("nothing is kept, a newer push continues: %s", told)
    raise DownstreamTasksSkipped(tasks=["released"])


def _superseded(ti: Any, sides: Mapping[Platform, Side[ReleasePlan]], run: str) -> dict[Platform, str]:
    """Return by which push, for each platform that a newer one took."""
    tasks = {name: rollout_task(name) for name in sides}
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(tasks.values()), run_ids=[run])[run]
    found: dict[Platform, str] = {}
    for name, task in tasks.items():
        if states.get(task) == "skipped":
            found[name] = ti.xcom_pull(task_ids=task, key=REASON) or "see its log"
            continue
        try:
            sides[name].check(run)
        except SupersededError as error:
            found[name] = str(error)
    return found


def _environment(application: Application, push: PushEvent, asked: str) -> tuple[str, Environment]:
    if asked:
        return asked, application.get_environment(asked, push.repository)
    if (taken := application.environment_for(push.ref)) is None:
        raise NothingToDo(f"no environment of {push.repository} in apps.yaml takes {push.ref}")
    return taken
