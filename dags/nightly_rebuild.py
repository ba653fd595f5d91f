"""Rebuilds every application's newest commit, so that it gets repaired base images."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from slipway.dagkit import forms
from slipway.dagkit.schedules import schedule
from slipway.pipelines.task_endings import retried_if_worth_it
from slipway.pushing.operators import PushAgainOperator, SummaryOperator

ABOUT = """\
### What it does

**plan** (lists the refs that `apps.yaml` selects, each with a time in the night) → **push_again** (at that
time registers the ref's newest commit as a push once more) → **summary** (when all rebuilds have ended: a
table of the images that were built, are unchanged, or failed).

An image whose inputs are unchanged is found in seconds and not deployed again. One whose base has changed is
built and, if the application's `rebuild.deploy` is true, deployed. A failing application does not stop the
others; the run fails at its end and names it.

### How it starts

Every night at one o'clock UTC, spread over four hours by a hash of repository and ref, so each ref keeps its
time; and by a person (the form). `rebuild` in `apps.yaml` selects the refs: docs/operations.md.
"""

with DAG(
    dag_id="nightly_rebuild",
    dag_display_name="Nightly rebuild",
    description="Rebuilds every application's newest commit, spread over the night",
    schedule=schedule("nightly_rebuild", "0 1 * * *"),
    catchup=False,
    max_active_runs=1,
    doc_md=ABOUT,
    tags=["slipway", "upkeep"],
    default_args=forms.DEFAULT_ARGS,
    params={
        "hours": Param(
            4,
            type="number",
            minimum=0,
            maximum=12,
            title="Hours",
            description="Period over which the rebuilds are spread; 0 starts all of them at once",
        ),
        "parallel": Param(
            8,
            type="integer",
            minimum=1,
            maximum=100,
            title="At once",
            description="Rebuilds that run at the same time",
        ),
        "repositories": forms.repositories(),
    },
) as dag:

    @task
    def plan() -> list[dict[str, Any]]:
        """Read apps.yaml, and give each ref its time."""
        with retried_if_worth_it():
            from airflow.configuration import conf

            from slipway.pipelines.upkeep import nightly_rebuild

            params, most = get_current_context()["params"], conf.getint("core", "max_map_length")
            turns = nightly_rebuild.plan(params["hours"], params["repositories"] or [], most)
            return [turn.to_json() for turn in turns]

    turns = plan()
    pushed = PushAgainOperator.partial(
        task_id="push_again",
        doc_md="Wait for the ref's time, and register its newest commit as a push again.",
        map_index_template="{{ task.turn['repository'] }} {{ task.turn['ref'] }}",
        max_active_tis_per_dag=1,  # one after the other: each sees what those before it began
    ).expand(turn=turns)
    summary = SummaryOperator(
        task_id="summary",
        doc_md="Wait for the rebuilds, and report their results.",
        planned="plan",
        pushed="push_again",
        trigger_rule="all_done",
    )
    pushed >> summary
