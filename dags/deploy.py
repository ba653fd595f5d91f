"""A release onto its platforms: all of them, or what ran before on every one."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, PartitionedAtRuntime, TaskGroup, get_current_context, task

from slipway.assets import DEPLOYMENT, DEPLOYMENTS
from slipway.dagkit import forms
from slipway.dagkit.deadlines import deadline
from slipway.flow.approval import APPROVAL
from slipway.flow.platforms import PLATFORMS
from slipway.kubernetes import operators as kubernetes
from slipway.openstack.ironic import operators as ironic
from slipway.openstack.nova import operators as nova
from slipway.pipelines.release import deployments, turns
from slipway.pipelines.release.approval import ApproveOperator
from slipway.pipelines.release.marking import mark_failed
from slipway.pipelines.task_endings import hand_on, retried_if_worth_it
from slipway.rollout.operators import ORDER

ABOUT = """\
### What it does

For one release: **release** (what the builds handed on, and what `slipway.yaml` at that commit wants run)
→ **approve** (where `apps.yaml` says so: people are asked) → a **rollout** on each platform, side by side or
in the `order` of `slipway.yaml` (followed until the new version is healthy; no worker waits)
→ **keep** (when all of them are: the new version stays, what only the old one needed is removed).

When a platform's new version does not become healthy, its task's log says what is known of it; then
**go_back** brings back the version before on *every* platform, and the run fails.

Of one application and environment one release at a time is rolled out. A newer one waits for its turn, in its
rollouts and without a worker; of those that wait the newest is next, and the others are skipped, saying by
which they were superseded. An older commit never replaces a newer one.

**approve** shows what would change, and waits without a worker. A rejection, or no answer in time, leaves
everything as it is; a newer push takes the place of one that waits for an answer. Answers are given in
Airflow's UI (*Required actions*), or over its REST API.

**promote** writes into Artifactory that a release went on to another environment.

The graph has three groups: **rollouts**, **kept** and **back**; a click on a group opens it. A release for
one platform alone is kept by its rollout. `all_ended`, `one_failed` and `released` only gather states: no
process is started for them.

### How it starts

By a push, when all of its images are there; or by a person (the form, `slipway promote`), or over the REST
API: for a commit that was built before, or, with *Promote from*, for the very images that another environment
runs. What a person starts counts as the newest.
"""

OPERATORS = {
    "container": (kubernetes.RolloutOperator, kubernetes.GoBackOperator),
    "vm": (nova.RolloutOperator, nova.GoBackOperator),
    "bare_metal": (ironic.RolloutOperator, ironic.GoBackOperator),
}
"""The branches, by platform; see ``plans`` and ``sides`` of slipway.pipelines.release, too."""

with DAG(
    dag_id="deploy",
    dag_display_name="Deploy",
    description="Brings a release onto its platforms, all or none, and sees that it serves",
    schedule=PartitionedAtRuntime(),
    catchup=False,
    max_active_runs=1024,  # most of them wait, for an approval say, which takes no worker
    deadline=deadline("deploy", minutes=120),
    doc_md=ABOUT,
    tags=["slipway", "deploy", "container", "vm"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "repository": forms.repository(),
        "ref": forms.ref("Full name; it decides the environment when none is given"),
        "commit": forms.commit("40 digits; empty takes the ref's newest. It must have been built"),
        "environment": forms.environment("the one that takes the ref", "Of apps.yaml"),
        "promote_from": forms.environment(
            "no other environment",
            "The release that an environment runs goes to the other one, image by image",
            title="Promote from",
        ),
    },
) as dag:

    @task(multiple_outputs=False, inlets=[DEPLOYMENT])  # so that Airflow knows the asset before its events
    def release() -> dict[str, Any]:
        """Decide what is to run where: each platform's plan."""
        with retried_if_worth_it():
            from slipway.apiserver.client import ask_push
            from slipway.flow.push_id import is_push_id
            from slipway.pipelines import pushes
            from slipway.pipelines.release import built_images, deploy, promotion

            context = get_current_context()
            params, person = context["params"], context["dag_run"].triggering_user_name or ""
            source = params.get("promote_from")
            if is_push_id(context["run_id"]):
                wanted = deploy.release_of(ask_push(context["run_id"]))
            elif source:
                wanted = promotion.release_of(params, person)
            else:
                wanted = built_images.release_asked_for(pushes.push_asked_for(params))
            environment = params.get("environment") or ""
            plans, request, order = deploy.plans_of(wanted, context["run_id"], environment, source)
            if request:
                context["ti"].xcom_push(key=APPROVAL, value=request.to_json())
            if order:
                context["ti"].xcom_push(key=ORDER, value=list(order))
            return hand_on(context, plans, deploy.idle(plans, request, source))

    @task(trigger_rule="none_failed_min_one_success", outlets=[DEPLOYMENTS])
    def keep() -> None:
        """Keep the release on every platform, or on none."""
        with retried_if_worth_it():
            from slipway.pipelines.release import deploy

            context = get_current_context()
            deployments.hand_on(context, deploy.keep_release(context))

    @task(trigger_rule="none_failed_min_one_success")
    def promote() -> None:
        """Write the promotion down."""
        with retried_if_worth_it():
            from slipway.pipelines.release import promotion

            promotion.record(get_current_context())

    plans = release()
    approve = ApproveOperator(task_id="approve")
    # Groups are stages: a platform's tasks lie on both sides of `keep`, and the UI cannot draw a group that
    # depends on itself. What depends on a whole group is drawn as one line.
    with TaskGroup("rollouts", prefix_group_id=False) as rollouts:
        for name, platform in PLATFORMS.items():
            OPERATORS[name][0](
                task_id=f"{name}.rollout",
                doc_md=f"Bring the new version up on {platform.label}, and follow it until it is healthy.",
                plans=plans,
                turn=turns.take,
                hand_on=deployments.hand_on,
                trigger_rule="none_failed_min_one_success",
            )
    with TaskGroup("kept", prefix_group_id=False):
        kept, promoted = keep(), promote()
        released = EmptyOperator(task_id="released", trigger_rule="none_failed_min_one_success")
    with TaskGroup("back", prefix_group_id=False):
        all_ended = EmptyOperator(task_id="all_ended", trigger_rule="all_done")
        one_failed = EmptyOperator(task_id="one_failed", trigger_rule="one_failed")
        with TaskGroup("platforms", prefix_group_id=False) as platforms:
            for name, platform in PLATFORMS.items():
                OPERATORS[name][1](
                    task_id=f"{name}.go_back",
                    doc_md=f"Bring the version before back on {platform.label}.",
                    plans=plans,
                    mark=mark_failed,
                )
    plans >> approve
    [plans.operator, approve] >> rollouts
    rollouts >> [kept, promoted, released, all_ended, one_failed]
    kept >> [promoted, released, one_failed]
    promoted >> released
    [plans.operator, all_ended, one_failed] >> platforms
