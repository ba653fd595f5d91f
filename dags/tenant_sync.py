"""Keystone's users, projects and roles onto Kubernetes: namespaces, rights, limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from slipway.dagkit import forms
from slipway.pipelines.task_endings import retried_if_worth_it

ABOUT = """\
### What it does

**plan** reads Keystone whole, and the cluster, and logs what `tenancy.yaml` makes of it: `+` what would be
made, `~` what would be changed, `-` what would be removed. **apply** does it: rights are taken away first,
then namespaces are made, then rights are given. When nothing is to be done, or in a dry run, it is skipped.

Keystone away, or an answer that would take rights from more than the policy believes: the run fails, says
why, and changes nothing.

### How it starts

Every five minutes, once it is unpaused; or by a person. It starts paused: write `tenancy.yaml` first, then
start it with *Dry run* ticked and read the log of plan.
"""

with DAG(
    dag_id="tenant_sync",
    dag_display_name="Tenant sync",
    description="Brings Keystone's users, projects and roles onto Kubernetes",
    schedule="*/5 * * * *",
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    dagrun_timeout=timedelta(minutes=30),
    doc_md=ABOUT,
    tags=["slipway", "tenants", "keystone", "kubernetes"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Log what would change, and change nothing"
        ),
        "let_go": Param(
            False,
            type="boolean",
            title="Let everything go that Keystone no longer has",
            description="For one run: believe Keystone, however much would be removed",
        ),
    },
) as dag:

    @task
    def plan() -> dict[str, int]:
        """Read Keystone and the cluster; log what would change."""
        with retried_if_worth_it():
            from slipway.pipelines.upkeep import tenant_sync

            return tenant_sync.plan(let_go=get_current_context()["params"]["let_go"]).summary()

    @task
    def apply(planned: dict[str, int]) -> dict[str, Any]:
        """Read again, and do it."""
        with retried_if_worth_it():
            from slipway.pipelines.upkeep import tenant_sync

            params = get_current_context()["params"]
            tenant_sync.require_work(planned, dry_run=params["dry_run"])
            made = tenant_sync.plan(let_go=params["let_go"])
            tenant_sync.bring_about(made)
            return made.summary()

    apply(plan())
