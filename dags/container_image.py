"""A commit's container image: built once for its inputs, pushed, verified, handed on to `deploy`."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, PartitionedAtRuntime, get_current_context, task

from slipway.assets import CONTAINER_IMAGE
from slipway.dagkit import forms
from slipway.dagkit.deadlines import deadline
from slipway.dagkit.links import CommitLink, ImageLink
from slipway.dagkit.resumable import resumable
from slipway.delegation.operators import JenkinsBuildOperator
from slipway.pipelines.task_endings import NothingToDo, hand_on, retried_if_worth_it

ABOUT = """\
### What it does

For one commit: **plan** (reads `slipway.yaml` and the Dockerfile) → **base_images** (takes each from the
image registry, or copies it there from Docker Hub, and pins it by digest) → **jenkins** (only when
`slipway.yaml` names a Jenkins job that builds the application) → **build** (skipped when these inputs were
built before) → **publish** (records the image and hands it on to `deploy`). When another run builds these
inputs now, the task before `build` waits for it, without a worker.

### How it starts

By a push (the webhook), by a person (the form), or over the REST API. A run that a person starts deploys only
when *Deploy it too* is ticked. Without a commit it builds the newest of the ref.
"""

with DAG(
    dag_id="container_image",
    dag_display_name="Container image",
    description="Builds a commit's container image and puts it into the image registry",
    schedule=PartitionedAtRuntime(),
    catchup=False,
    max_active_runs=16,
    deadline=deadline("container_image", minutes=60),
    doc_md=ABOUT,
    tags=["slipway", "build", "container"],
    default_args=forms.DEFAULT_ARGS,
    params=forms.image_params(),
) as dag:

    @resumable
    def plan() -> dict[str, Any]:
        """Fetch exactly this commit and read its ``slipway.yaml``."""
        with retried_if_worth_it():
            from slipway.pipelines import first_look, pushes
            from slipway.pipelines.images import container_image
            from slipway.pipelines.images.single_flight import claim_of

            context = get_current_context()
            push, deploy = pushes.push_of(context)
            looked = first_look.of_run(context["ti"], context["run_id"])
            if looked and (found := looked.container):
                told = {"deploy": deploy, "plan": found.plan.to_json()}
                if found.plan.spec.build.jenkins:
                    return told
                claim_of(context)(found.plan.place, found.inputs.digest)
                return hand_on(context, {**told, "resolved": found.to_json()}, ("base_images", "jenkins"))
            known = container_image.plan(push)
            idle = () if known.inputs else ("base_images", "jenkins", "build")
            return hand_on(context, {"deploy": deploy, "plan": known.to_json()}, idle)

    @resumable
    def base_images(planned: dict[str, Any]) -> dict[str, Any]:
        """Resolve every FROM by digest, and look for an image of the same inputs."""
        with retried_if_worth_it():
            from slipway.pipelines.images.container_image import ContainerBuildPlan, resolve
            from slipway.pipelines.images.single_flight import claim_of

            context = get_current_context()
            known = ContainerBuildPlan.from_json(planned["plan"])
            assert known.inputs is not None  # or this task is skipped
            found = resolve(known, known.inputs, claim_of(context))
            asked = known.spec.build.jenkins is not None and found.image is None
            idle = (() if asked else ("jenkins",)) + (("build",) if found.image else ())
            return hand_on(context, found.to_json(), idle)

    @task(trigger_rule="none_failed")
    def build(
        planned: dict[str, Any], resolved: dict[str, Any] | None, delegated: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Build, push, and read the manifest's digest back from the registry."""
        with retried_if_worth_it():
            from slipway.flow.jenkins import FinishedBuild
            from slipway.pipelines.images import container_image

            known = container_image.ResolvedContainer.from_json(resolved or planned["resolved"])
            if known.image is not None:
                raise NothingToDo(f"built before: {known.image.reference}")
            finished = FinishedBuild.from_json(delegated) if delegated else None
            return container_image.build(known, finished).to_json()

    @task(outlets=[CONTAINER_IMAGE], trigger_rule="none_failed")
    def publish(
        planned: dict[str, Any], resolved: dict[str, Any] | None, image: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Record the image in the image registry and hand it on."""
        with retried_if_worth_it():
            from slipway.pipelines.images import container_image
            from slipway.pipelines.images.event import announce
            from slipway.pipelines.images.run import run_of

            context = get_current_context()
            known = container_image.ContainerBuildPlan.from_json(planned["plan"])
            found = image or (resolved or {}).get("image")
            built, links = container_image.publish(known, found, planned["deploy"], run_of(context))
            return announce(context, CONTAINER_IMAGE, built.found(before=image is None), links)

    planned = plan()
    resolved = base_images(planned)
    jenkins = JenkinsBuildOperator(
        task_id="jenkins",
        resolved=resolved,
        doc_md="Let a Jenkins job build the commit, when its `slipway.yaml` names one.",
    )
    published = publish(planned, resolved, build(planned, resolved, jenkins.output))
    published.operator.operator_extra_links = (CommitLink(), ImageLink())
