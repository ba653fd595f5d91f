"""A release onto its platforms: applied, watched until healthy, put back when it is not."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, PartitionedAssetTimetable, TaskGroup, get_current_context, task

from slipway import forms
from slipway.assets import CONTAINER_IMAGE, DEPLOYMENT
from slipway.kubernetes.operators import RolloutOperator
from slipway.pipelines.outcome import retried_if_worth_it

ABOUT = """\
### What it does

For one release: **release** (what the build handed on, and what `slipway.yaml` at that commit wants run)
→ **container / rollout** (applied to the tenant's namespace, followed until every pod is ready and the health
URL answers; no worker waits).

When the new version does not become healthy, its events and last log lines are in the task's log, the
previous version is brought back, and the run fails once that one serves. A newer push takes the place of an
older one that is still rolling out; an older commit never replaces a newer one.

### How it starts

By a build of a push; or by a person (the form), or over the REST API, for a commit that was built before.
What a person starts counts as the newest.
"""

with DAG(
    dag_id="deploy",
    dag_display_name="Deploy",
    description="Brings a release onto its platforms and sees that it serves",
    schedule=PartitionedAssetTimetable(assets=CONTAINER_IMAGE),
    catchup=False,
    max_active_runs=64,
    doc_md=ABOUT,
    tags=["slipway", "deploy", "container"],
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

    @task
    def release() -> dict[str, Any]:
        """Decide what is to run where: the image by digest, the objects, the namespace."""
        with retried_if_worth_it():
            from slipway.flow.image import Built
            from slipway.pipelines import deploy, pushes

            context = get_current_context()
            if events := list(context["triggering_asset_events"].get(CONTAINER_IMAGE, ())):
                wanted = deploy.release_of([Built.from_json(events[-1].extra)])
            else:
                wanted = deploy.release_asked_for(pushes.push_asked_for(context["params"]))
            return deploy.workload_of(wanted, context["params"].get("environment") or "").to_json()

    workload = release()
    with TaskGroup("container", tooltip="Kubernetes"):
        RolloutOperator(task_id="rollout", workload=workload, outlets=[DEPLOYMENT])
