"""A push on request: every pipeline of a commit, its deployment, and the outcome."""

from __future__ import annotations

from airflow.sdk import DAG

from slipway.assets import PUSH
from slipway.dagkit import forms
from slipway.pushing.asked_for import PushAskedForOperator, PushOutcomeOperator

ABOUT = """\
### What it does

**push** (starts the commit's pipelines, as the webhook does; joins the push of this commit that is already
under way) → **outcome** (waits without a worker until all of them and `deploy` have ended; fails when one of
them failed).

### How it starts

By a person (the form), by `slipway run push`, by Jenkins, or over the REST API. Without a commit it takes the
newest of the ref. It counts as the newest push.
"""

with DAG(
    dag_id="push",
    dag_display_name="Push",
    description="Builds a commit for every platform and deploys it, as a push does",
    schedule=None,
    catchup=False,
    max_active_runs=64,
    doc_md=ABOUT,
    tags=["slipway", "build", "deploy"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "repository": forms.repository(),
        "ref": forms.ref("Full name; decides the environment"),
        "commit": forms.commit(),
        "deploy": forms.deploy_too(True),
    },
) as dag:
    pushed = PushAskedForOperator(
        task_id="push",
        outlets=[PUSH],
        doc_md="Register the push, or join the one that is already under way.",
    )
    outcome = PushOutcomeOperator(
        task_id="outcome",
        asked_for="push",
        trigger_rule="none_failed",
        doc_md="Wait for the runs of the push, and report how they ended.",
    )
    pushed >> outcome
