"""Every application's newest commit again, so that repaired base images arrive."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from slipway.assets import PUSH
from slipway.dagkit import forms
from slipway.dagkit.schedules import schedule
from slipway.pipelines.task_endings import retried_if_worth_it
from slipway.pushing.operators import PushAgainOperator, SummaryOperator

ABOUT = """\
### What it does

**plan** (the refs that `apps.yaml` has rebuilt, each with its turn in the night) → **push_again** (when the
turn has come: the ref's newest commit is pushed again, under the night's name) → **summary** (a table of what
was built anew, what is unchanged, and what failed, when all of it has ended).

An image whose inputs are unchanged is found in seconds and is not deployed again. One that changed, because
its base did, is built and, if the application's `rebuild.deploy` says so, deployed. A failing application
does not stop the others; the run fails at its end and names it.

### How it starts

Every night at one o'clock UTC, spread over four hours by a hash of repository and ref, which stays the same
from night to night; and by a person (the form). `rebuild` in `apps.yaml` says what is rebuilt:
docs/operations.md.
"""

with DAG(
    dag_id="nightly_rebuild",
    dag_display_name="Nightly rebuild",
    description="Builds every application's newest commit again, spread over the night",
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
            description="Over which the rebuilds are spread; 0 begins all of them at once",
        ),
        "parallel": Param(
            8, type="integer", minimum=1, maximum=100, title="At once", description="Rebuilds under way"
        ),
        "repositories": forms.repositories(),
    },
) as dag:

    @task
    def plan() -> list[dict[str, Any]]:
        """Read apps.yaml, and give each ref its turn."""
        with retried_if_worth_it():
            from airflow.configuration import conf

            from slipway.pipelines.upkeep import nightly_rebuild

            params, most = get_current_context()["params"], conf.getint("core", "max_map_length")
            turns = nightly_rebuild.plan(params["hours"], params["repositories"] or [], most)
            return [turn.to_json() for turn in turns]

    turns = plan()
    pushed = PushAgainOperator.partial(
        task_id="push_again",
        outlets=[PUSH],
        doc_md="Wait for the turn, and push the ref's newest commit again.",
        map_index_template="{{ task.turn['repository'] }} {{ task.turn['ref'] }}",
        max_active_tis_per_dag=1,  # one after the other: each sees what those before it began
    ).expand(turn=turns)
    summary = SummaryOperator(
        task_id="summary",
        doc_md="Wait for the rebuilds, and say what came of them.",
        planned="plan",
        pushed="push_again",
        trigger_rule="all_done",
    )
    pushed >> summary
