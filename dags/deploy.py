"""A release onto its platforms: all of them, or what ran before on every one."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, PartitionedAssetTimetable, TaskGroup, get_current_context, task

from slipway import forms
from slipway.assets import BARE_METAL_IMAGE, CONTAINER_IMAGE, DEPLOYMENTS, IMAGES, VM_IMAGE
from slipway.kubernetes import operators as kubernetes
from slipway.openstack.ironic import operators as ironic
from slipway.openstack.nova import operators as nova
from slipway.pipelines.outcome import hand_on, retried_if_worth_it
from slipway.rollout.operators import register

ABOUT = """\
### What it does

For one release: **release** (what the builds handed on, and what `slipway.yaml` at that commit wants run)
→ a **rollout** on each platform, side by side (followed until the new version is healthy; no worker waits)
→ **keep** (when all of them are: the new version stays, what only the old one needed is removed).

When a platform's new version does not become healthy, its task's log says what is known of it; then
**go_back** brings back the version before on *every* platform, and the run fails.

Of one application and environment one release at a time is rolled out. A newer one waits for its turn, in its
rollouts and without a worker; of those that wait the newest is next, and the others are skipped, saying by
which they were superseded. An older commit never replaces a newer one.

A release for one platform alone is kept by its rollout. `all_ended`, `one_failed` and `released` only gather
states: no process is started for them.

### How it starts

By the builds of a push; or by a person (the form), or over the REST API, for a commit that was built before.
What a person starts counts as the newest.
"""

PLATFORMS = {
    "container": ("Kubernetes", kubernetes.RolloutOperator, kubernetes.GoBackOperator),
    "vm": ("OpenStack Nova", nova.RolloutOperator, nova.GoBackOperator),
    "bare_metal": ("OpenStack Ironic", ironic.RolloutOperator, ironic.GoBackOperator),
}
"""The branches, by platform; what they plan and keep: ``PLANS`` and ``SIDES`` of slipway.pipelines."""

with DAG(
    dag_id="deploy",
    dag_display_name="Deploy",
    description="Brings a release onto its platforms, all or none, and sees that it serves",
    schedule=PartitionedAssetTimetable(assets=CONTAINER_IMAGE & VM_IMAGE & BARE_METAL_IMAGE),
    catchup=False,
    max_active_runs=512,  # most of them wait, which takes no worker
    doc_md=ABOUT,
    tags=["slipway", "deploy", "container", "vm"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "repository": forms.repository(),
        "ref": forms.ref("Full name; it decides the environment when none is given"),
        "commit": forms.commit("40 digits; empty takes the ref's newest. It must have been built"),
        "environment": Param(
            None,
            type=["null", "string"],
            title="Environment",
            description="Of apps.yaml; empty takes the one that takes the ref",
            pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$",
        ),
    },
) as dag:

    @task(multiple_outputs=False)
    def release() -> dict[str, Any]:
        """Decide what is to run where: each platform's plan."""
        with retried_if_worth_it():
            from slipway.flow.image import Built
            from slipway.pipelines import deploy, pushes, releases

            context = get_current_context()
            events = [
                event
                for asset in IMAGES
                for event in list(context["triggering_asset_events"].get(asset, ()))[-1:]
            ]
            if events:
                wanted = deploy.release_of([Built.from_json(event.extra) for event in events])
            else:
                wanted = releases.release_asked_for(pushes.push_asked_for(context["params"]))
            environment = context["params"].get("environment") or ""
            plans = deploy.plans_of(wanted, context["run_id"], environment)
            return hand_on(context, plans, deploy.idle(plans))

    @task(trigger_rule="none_failed_min_one_success", outlets=[DEPLOYMENTS])
    def keep() -> None:
        """Take the release for good, everywhere or nowhere."""
        with retried_if_worth_it():
            from slipway.pipelines import deploy

            context = get_current_context()
            register(context, deploy.keep_release(context))

    plans = release()
    kept = keep()
    all_ended = EmptyOperator(task_id="all_ended", trigger_rule="all_done")
    one_failed = EmptyOperator(task_id="one_failed", trigger_rule="one_failed")
    released = EmptyOperator(task_id="released", trigger_rule="none_failed_min_one_success")
    kept >> [one_failed, released]
    for name, (label, rollout_operator, go_back_operator) in PLATFORMS.items():
        with TaskGroup(name, tooltip=label):
            rollout = rollout_operator(task_id="rollout", plans=plans)
            go_back = go_back_operator(task_id="go_back", plans=plans)
        rollout >> [kept, all_ended, one_failed, released]
        [all_ended, one_failed] >> go_back
