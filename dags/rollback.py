"""An application back to an earlier release, on all of its platforms, from images that exist."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, ExceptionRetryPolicy, RetryAction, RetryRule, get_current_context, task
from airflow.sdk.exceptions import AirflowException

from slipway.assets import DEPLOYMENT
from slipway.dagkit import forms
from slipway.dagkit.operators import StartRunOperator
from slipway.pipelines.task_endings import retried_if_worth_it

ABOUT = """\
### What it does

**choose** (the release that ran before the current one, or the commit you name) → **deploy** (that commit's
images, on every platform that it has; nothing is built). It ends when that deployment has ended, and fails
when it fails; what runs now stays until the earlier release is healthy.

Going back twice goes two releases back. A release whose images `retention` removed is refused, and those that
are there are named.

### How it starts

By a person (the form), or over the REST API. What it brings back counts as the newest, until the next push.
"""

THE_DEPLOYMENT_FAILED = RetryRule(
    exception=AirflowException,
    action=RetryAction.FAIL,
    reason="the deployment failed; the log of its run of `deploy` says why",
    match_subclasses=False,
)

with DAG(
    dag_id="rollback",
    dag_display_name="Rollback",
    description="Brings an application back to an earlier release on all of its platforms",
    schedule=None,
    catchup=False,
    max_active_runs=16,
    doc_md=ABOUT,
    tags=["slipway", "deploy", "rollback"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "repository": forms.repository(),
        "environment": forms.environment(
            "the only one", "Of apps.yaml; may be left out when the application has only one"
        ),
        "commit": forms.commit("40 digits; empty takes the release before the current one"),
    },
) as dag:

    @task(inlets=[DEPLOYMENT])
    def choose() -> dict[str, Any]:
        """Decide which release to go back to."""
        with retried_if_worth_it():
            from slipway.pipelines.release import rollback

            context = get_current_context()
            return rollback.choose(context["params"], context["inlet_events"][DEPLOYMENT])

    chosen = choose()
    deploy = StartRunOperator(
        task_id="deploy",
        trigger_dag_id="deploy",
        trigger_run_id="rollback__{{ run_id }}",
        conf=chosen,
        poke_interval=2,
        note="started by `rollback`",
        retry_policy=ExceptionRetryPolicy(rules=[THE_DEPLOYMENT_FAILED]),
    )
