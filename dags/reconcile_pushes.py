"""Finds pushes whose webhook never arrived, in the code registry, and builds them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from slipway.dagkit import forms
from slipway.dagkit.schedules import schedule
from slipway.pipelines.task_endings import retried_if_worth_it
from slipway.pushing.operators import PushMissingOperator

ABOUT = """\
### What it does

**find** (reads the branches and tags that an environment takes, by one request to each repository, and finds
commits with no recorded push) → **push** (registers each, when it has not arrived after a grace period and
the ref still points to it: its pipelines start, as by the webhook).

**find** also resumes pushes whose tasks ended, or whose runs are lacking, without a report.

Commits older than the given days are skipped: they are older than Slipway's use of the repository. Start
`container_image` and the other pipelines by hand to build one.

### How it starts

Every hour, and by a person (the form).
"""

with DAG(
    dag_id="reconcile_pushes",
    dag_display_name="Reconcile pushes",
    description="Finds pushes whose webhook never arrived",
    schedule=schedule("reconcile_pushes", "41 * * * *"),
    catchup=False,
    max_active_runs=1,
    doc_md=ABOUT,
    tags=["slipway", "upkeep"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "grace_minutes": Param(
            5,
            type="integer",
            minimum=0,
            maximum=240,
            title="Grace period",
            description="Minutes for which a webhook may be late",
        ),
        "days": Param(
            7, type="integer", minimum=1, maximum=365, title="Days", description="Age of the oldest commit"
        ),
        "repositories": forms.repositories(),
    },
) as dag:

    @task
    def find() -> list[dict[str, Any]]:
        """Compare the refs of every repository with the recorded pushes."""
        with retried_if_worth_it():
            from airflow.configuration import conf

            from slipway.pipelines.upkeep import reconcile_pushes

            params, most = get_current_context()["params"], conf.getint("core", "max_map_length")
            age = timedelta(days=params["days"])
            missing = reconcile_pushes.find_missing(params["repositories"] or [], age, most)
            reconcile_pushes.settle()
            return [push.to_json() for push in missing]

    PushMissingOperator.partial(
        task_id="push",
        # Of equal tasks Airflow takes mapped ones last: a lost push would wait until nothing else does.
        priority_weight=100,
        doc_md="Register the push, unless it has arrived meanwhile.",
        map_index_template="{{ task.missing['repository'] }} {{ task.missing['ref'] }}",
    ).expand(missing=find())
