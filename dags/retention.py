"""Removes unused images from Glance, Artifactory and the registry together."""

from __future__ import annotations

from airflow.sdk import DAG, Param, get_current_context, task

from slipway.dagkit import forms
from slipway.dagkit.schedules import schedule
from slipway.pipelines.task_endings import retried_if_worth_it

ABOUT = """\
### What it does

**images** checks every image that Slipway keeps, and logs a table of those that stay and those that go, with
the reason. An image stays, with everything that belongs to it, when

- a pod, a server or a node runs it, or a rollout may bring it back,
- it belongs to one of the last releases of an environment (`retention: {good: 5}` in `apps.yaml`), which
  `rollback` may need,
- it was built, or released, a short while ago (`retention: {days: 30}`),
- a person holds it: property `slipway.hold` in Artifactory, or `slipway_hold` in Glance,
- another image that stays was built on it.

The others go, one after the other: first the records and tags by which a commit finds its image, then the
image itself, everywhere, by digest or id. Right before, the task checks again that nothing runs it. What
Slipway did not make is never touched.

A run fails when something could not be removed, and names it. The rest is removed all the same.

### How it starts

Every night, when it removes; and by a person (the form): a dry run, unless *Only show* is unticked.
"""

with DAG(
    dag_id="retention",
    dag_display_name="Retention",
    description="Removes images that nothing runs, no rollback needs and no person holds",
    schedule=schedule("retention", "30 6 * * *"),
    catchup=False,
    max_active_runs=1,
    doc_md=ABOUT,
    tags=["slipway", "upkeep"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "dry_run": Param(
            True,
            type="boolean",
            title="Only show",
            description="Remove nothing; scheduled runs always remove",
        ),
        "repositories": forms.repositories(),
        "most": Param(
            500,
            type="integer",
            minimum=1,
            maximum=100000,
            title="At most",
            description="Images that one run removes",
        ),
    },
) as dag:

    @task
    def images() -> int:
        """Show which images stay and which go, and remove the latter."""
        with retried_if_worth_it():
            from slipway.pipelines.upkeep.retention.task import retain

            context = get_current_context()
            params = context["params"]
            scheduled = str(context["dag_run"].run_type) == "scheduled"
            dry_run = params["dry_run"] and not scheduled
            return retain(params["repositories"] or (), params["most"], dry_run=dry_run)

    images()
