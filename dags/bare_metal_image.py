"""A commit's bare-metal image: built once for its inputs, copied, booted, handed on to `deploy`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, PartitionedAtRuntime, get_current_context, task

from slipway.assets import BARE_METAL_IMAGE
from slipway.dagkit import forms
from slipway.dagkit.deadlines import deadline
from slipway.dagkit.links import CommitLink, ImageLink
from slipway.dagkit.resumable import resumable
from slipway.pipelines.task_endings import NothingToDo, hand_on, idle_of, retried_if_worth_it

ABOUT = """\
### What it does

For one commit: **plan** (reads `slipway.yaml` and the elements, or the Packer template) → **package_sources**
(resolves the distribution's package indexes, or the template's base, and looks for an image of the same
inputs) → **build** (`disk-image-create`, or `packer build`; uploads kernel, ramdisk and image to Artifactory
and Glance with the same digest, hidden) → **boot_test** (boots the image and waits for the expected text and
the commit on its console) → **publish** (makes the image visible, records it, and hands it on to `deploy`).

`build` and `boot_test` are skipped when these inputs were built and booted before. When another run builds
them now, `package_sources` waits for it, without a worker.

### How it starts

By a push (the webhook), by a person (the form), or over the REST API. A run that a person starts deploys only
when *Deploy it too* is ticked. Without a commit it builds the newest of the ref.

### Where it runs

`plan`, `build` and `boot_test` need diskimage-builder's programs, qemu and bubblewrap, and Packer where there
are templates; `build` by diskimage-builder runs as root. Elements are the application's code and run as root
too: use dedicated workers, on machines that hold nothing else (CeleryExecutor); `SLIPWAY_DIB_QUEUE` names
their queue.
"""
ON_WORKERS_FOR_IT = forms.queue("SLIPWAY_DIB_QUEUE")

with DAG(
    dag_id="bare_metal_image",
    dag_display_name="Bare-metal image",
    description="Builds a commit's bare-metal image and puts it into Artifactory and Glance",
    schedule=PartitionedAtRuntime(),
    catchup=False,
    max_active_runs=16,
    deadline=deadline("bare_metal_image", minutes=240),
    doc_md=ABOUT,
    tags=["slipway", "build", "bare-metal"],
    default_args=forms.DEFAULT_ARGS,
    params=forms.image_params(),
) as dag:

    @task(**ON_WORKERS_FOR_IT)
    def plan() -> dict[str, Any]:
        """Fetch exactly this commit, read its ``slipway.yaml``, and find its elements or its template."""
        with retried_if_worth_it():
            from slipway.pipelines import pushes
            from slipway.pipelines.images import bare_metal_plan

            context = get_current_context()
            push, deploy = pushes.push_of(context)
            known = bare_metal_plan.plan(push)
            idle = () if known.inputs else ("package_sources", "build", "boot_test")
            return hand_on(context, {"deploy": deploy, "plan": known.to_json()}, idle)

    @resumable
    def package_sources(planned: dict[str, Any]) -> dict[str, Any]:
        """Resolve the package sources, or the base, and look for an image of the same inputs."""
        with retried_if_worth_it():
            from slipway.pipelines.images import bare_metal_image
            from slipway.pipelines.images.bare_metal_plan import BareMetalBuildPlan
            from slipway.pipelines.images.single_flight import claim_of

            known, context = BareMetalBuildPlan.from_json(planned["plan"]), get_current_context()
            assert known.inputs is not None  # or this task is skipped
            found = bare_metal_image.resolve(known, known.inputs, claim_of(context))
            return hand_on(context, found.to_json(), idle_of(found.image, found.good))

    @task(**ON_WORKERS_FOR_IT, execution_timeout=timedelta(hours=26))
    def build(resolved: dict[str, Any]) -> dict[str, Any]:
        """Build the image by diskimage-builder or Packer, and upload it to Artifactory and Glance."""
        with retried_if_worth_it():
            from slipway.pipelines.images import bare_metal_build
            from slipway.pipelines.images.bare_metal_plan import ResolvedBareMetal
            from slipway.sandbox.program import interrupt_all

            known, context = ResolvedBareMetal.from_json(resolved), get_current_context()
            if known.image is not None:
                raise NothingToDo(f"built before: {known.image.reference}")
            # The builder tidies up; the task may be retried.
            context["task"].on_kill = interrupt_all
            return bare_metal_build.build(known, context["run_id"]).to_json()

    @task(**ON_WORKERS_FOR_IT, trigger_rule="none_failed", execution_timeout=timedelta(hours=2))
    def boot_test(resolved: dict[str, Any], image: dict[str, Any] | None) -> None:
        """Boot the image, and check its console and its answer."""
        with retried_if_worth_it():
            from slipway.flow.image import Image
            from slipway.pipelines.images import bare_metal_image
            from slipway.pipelines.images.bare_metal_plan import ResolvedBareMetal

            known = ResolvedBareMetal.from_json(resolved)
            if known.good:
                raise NothingToDo("booted in an earlier run")
            made = Image.from_json(image) if image else known.image
            assert made is not None
            bare_metal_image.boot_test(known.plan, made, get_current_context()["run_id"])

    @task(outlets=[BARE_METAL_IMAGE], trigger_rule="none_failed")
    def publish(
        planned: dict[str, Any], resolved: dict[str, Any] | None, image: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Make the image visible, record it, and hand it on."""
        with retried_if_worth_it():
            from slipway.pipelines.images.event import publish_file

            return publish_file(get_current_context(), BARE_METAL_IMAGE, planned, resolved, image)

    planned = plan()
    resolved = package_sources(planned)
    built = build(resolved)
    published = publish(planned, resolved, built)
    boot_test(resolved, built) >> published
    published.operator.operator_extra_links = (CommitLink(), ImageLink())
