"""Copies Keystone's users, projects and roles to Kubernetes: namespaces, rights, limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from slipway.dagkit import forms
from slipway.pipelines.task_endings import retried_if_worth_it

ABOUT = """\
### What it does

**plan** reads all of Keystone, and the cluster, and logs the changes by `tenancy.yaml`: `+` to create, `~` to
change, `-` to remove. **apply** makes them: it revokes rights first, then creates namespaces, then grants
rights. It is skipped in a dry run, or when nothing is to be done.

When Keystone does not answer, or more rights would be revoked than the policy allows, the run fails with the
reason and changes nothing.

### How it starts

Every five minutes, once it is unpaused; or by a person. It is paused at first: write `tenancy.yaml`, start it
with *Dry run* ticked, and read the log of plan.
"""

with DAG(
    dag_id="tenant_sync",
    dag_display_name="Tenant sync",
    description="Copies Keystone's users, projects and roles to Kubernetes",
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
            False, type="boolean", title="Dry run", description="Log the changes, and make none"
        ),
        "let_go": Param(
            False,
            type="boolean",
            title="Remove everything that Keystone no longer has",
            description="For one run: follow Keystone, without the limit of guard.max_removed_percent",
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
        """Read again, and make the changes."""
        with retried_if_worth_it():
            from slipway.pipelines.upkeep import tenant_sync

            params = get_current_context()["params"]
            tenant_sync.require_work(planned, dry_run=params["dry_run"])
            made = tenant_sync.plan(let_go=params["let_go"])
            tenant_sync.bring_about(made)
            return made.summary()

    apply(plan())
