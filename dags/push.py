"""A push: one look at its commit, and what it starts."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, PartitionedAtRuntime, get_current_context, task

from slipway.assets import IMAGES, IMAGES_FOUND
from slipway.dagkit import forms
from slipway.pipelines.task_endings import hand_on, retried_if_worth_it
from slipway.pushing.asked_for import PushOutcomeOperator

ABOUT = """\
### What it does

**look** fetches the commit once, reads its `slipway.yaml`, resolves the base images, and decides for each
platform: nothing is declared, there is an image of the same inputs, or a build is needed. It starts only
the pipelines that have something to build. When all images are there, DAG `deploy` starts. All runs of a
push have its id, like `push~shop~main~1f0c6a7d2b9e~5d41402a`.

A push whose ref points to a later commit by now is superseded: nothing of it is built.

**outcome**, in a run that a person starts: waits without a worker until the push is over; fails when it did
not come through.

### How it starts

By a push (the webhook, `reconcile_pushes`, `nightly_rebuild`); or by a person (the form), by `slipway run
push`, by Jenkins, or over the REST API. A run on request reports the push, or joins that of the same commit
that is under way, and follows it. Without a commit it takes the newest of the ref. It counts as the newest
push.
"""

with DAG(
    dag_id="push",
    dag_display_name="Push",
    description="Looks at a pushed commit, and starts the builds and the deployment that it needs",
    schedule=PartitionedAtRuntime(),
    catchup=False,
    max_active_runs=1024,  # those that people follow wait for hours: they must keep no push from its look
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

    @task(outlets=[IMAGES_FOUND])
    def look() -> dict[str, Any]:
        """Look at the commit once, and start what it needs; or report the push that the form asks for."""
        with retried_if_worth_it():
            from slipway.flow.push_id import is_push_id

            context = get_current_context()
            run = context["dag_run"]
            if not is_push_id(run.run_id):
                from slipway.pipelines import push

                return push.begin(context["params"], run).to_json()
            from slipway.pipelines import first_look
            from slipway.pipelines.images.run import run_of

            looked = first_look.look(run.run_id, run_of(context))
            for platform, built in looked.done.items():
                context["outlet_events"][IMAGES_FOUND].add(IMAGES[platform], extra=built.to_json())
            return hand_on(context, looked.to_json(), ["outcome"])

    looked = look()
    outcome = PushOutcomeOperator(
        task_id="outcome",
        asked_for="look",
        doc_md="Wait until the push is over, and report how it ended.",
    )
    looked >> outcome
