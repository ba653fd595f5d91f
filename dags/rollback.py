"""Brings an application back to an earlier release, on all of its platforms, from existing images."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, ExceptionRetryPolicy, RetryAction, RetryRule, get_current_context, task
from airflow.sdk.exceptions import AirflowException

from slipway.dagkit import forms
from slipway.dagkit.operators import StartRunOperator
from slipway.flow.turns import RAN_BEFORE, ROLLBACK_RUN
from slipway.pipelines.task_endings import retried_if_worth_it

ABOUT = """\
### What it does

**choose** (the release that ran before the current one, or the commit you name) → **deploy** (that commit's
images, on every platform of it; nothing is built). The run ends when that deployment ends, and fails when it
fails; the current release stays until the earlier one is healthy.

A second rollback goes back one more release. A release whose images `retention` removed is refused; the
message names the releases that can be restored.

### How it starts

By a person (the form), or over the REST API. The restored release counts as the newest, until the next push.
A release that ran there before waits for no window, and for a freeze only where that says so.
"""

THE_DEPLOYMENT_FAILED = RetryRule(
    exception=AirflowException,
    action=RetryAction.FAIL,
    reason="the deployment failed; see the log of its run of `deploy`",
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
            "the only one", "As in apps.yaml; may be empty when the application has only one"
        ),
        "commit": forms.commit("40 digits; empty: the release before the current one"),
    },
) as dag:

    @task
    def choose() -> dict[str, Any]:
        """Decide which release to go back to."""
        with retried_if_worth_it():
            from slipway.pipelines.release import rollback

            context = get_current_context()
            conf, ran_before = rollback.choose(context["params"])
            context["ti"].xcom_push(key=RAN_BEFORE, value=ran_before)
            return conf

    chosen = choose()
    deploy = StartRunOperator(
        task_id="deploy",
        trigger_dag_id="deploy",
        trigger_run_id=f"{ROLLBACK_RUN}{{{{ run_id }}}}",
        conf=chosen,
        poke_interval=2,
        note="started by `rollback`",
        retry_policy=ExceptionRetryPolicy(rules=[THE_DEPLOYMENT_FAILED]),
    )
