"""Lists leftovers of builds and rollouts that died, and removes them after a grace period."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from slipway.dagkit import forms
from slipway.dagkit.schedules import schedule
from slipway.pipelines.task_endings import retried_if_worth_it

ABOUT = """\
### What it does

Every temporary thing that Slipway makes names its run. **outside** searches the cloud (build servers, their
volumes, key pairs, security groups, ports and floating IPs, incomplete images), and orphaned rollouts of
containers, servers and nodes; **on_worker** searches the worker itself (folders and loop devices of builds,
checkouts, image tags in its container engine). Both log a table of what they found, with the decision and its
reason, and remove what belongs to no living run once the grace period is over.

A thing without a run, or whose run this Airflow does not know, is kept for two days and the grace period: no
build takes longer. What Slipway did not make, and what a deployment uses, is never touched: mark, name and
owner are checked again right before a thing is removed.

A run fails when something could not be removed, and names it. The rest is removed all the same.

### How it starts

Every hour, and by a person (the form): tick *Only show* for a dry run.
"""
QUEUES = ("SLIPWAY_PACKER_QUEUE", "SLIPWAY_DIB_QUEUE", "SLIPWAY_DOCKER_QUEUE")

with DAG(
    dag_id="reap_orphans",
    dag_display_name="Reap orphans",
    description="Removes leftovers of builds and rollouts that died",
    schedule=schedule("reap_orphans", "17 * * * *"),
    catchup=False,
    max_active_runs=1,
    doc_md=ABOUT,
    tags=["slipway", "upkeep"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "dry_run": Param(False, type="boolean", title="Only show", description="Remove nothing"),
        "grace_minutes": Param(
            120,
            type="integer",
            minimum=0,
            maximum=10080,
            title="Grace period",
            description="Minutes for which leftovers stay after the end of their run",
        ),
    },
) as dag:

    @task
    def outside() -> int:
        """Look in the cloud and in the cluster."""
        with retried_if_worth_it():
            from slipway.pipelines.upkeep import orphan_places, reap_orphans

            context = get_current_context()
            params = context["params"]
            grace = timedelta(minutes=params["grace_minutes"])
            with orphan_places.outside(context["ti"].xcom_pull) as places:
                return reap_orphans.reap(places, grace, dry_run=params["dry_run"])

    @task
    def on_worker() -> int:
        """Look on the worker itself."""
        with retried_if_worth_it():
            from slipway.pipelines.upkeep import orphan_places, reap_orphans

            params = get_current_context()["params"]
            grace = timedelta(minutes=params["grace_minutes"])
            with orphan_places.here() as places:
                return reap_orphans.reap(places, grace, dry_run=params["dry_run"])

    outside()
    on_worker()
    # Each queue's workers are machines of their own.
    for queue in sorted({os.environ.get(name, "") for name in QUEUES} - {""}):
        on_worker.override(task_id=f"on_worker_{queue}", queue=queue)()
