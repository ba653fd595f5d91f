"""A commit's virtual machine image: built once for its inputs, copied, booted, handed on to `deploy`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, PartitionedAtRuntime, get_current_context, task

from slipway.assets import VM_IMAGE
from slipway.dagkit import forms
from slipway.dagkit.deadlines import deadline
from slipway.dagkit.links import CommitLink, ImageLink
from slipway.dagkit.resumable import resumable
from slipway.pipelines.task_endings import NothingToDo, hand_on, idle_of, retried_if_worth_it

ABOUT = """\
### What it does

For one commit: **plan** (reads `slipway.yaml` and the Packer template) → **base** (resolves the base image by
digest, in Artifactory or Glance, and looks for an image of the same inputs) → **build** (`packer validate`,
`packer build`; uploads the image to Artifactory and Glance with the same digest, hidden) → **boot_test**
(boots the image and waits for the expected text and the commit on its console) → **publish** (makes the image
visible, records it, and hands it on to `deploy`).

`build` and `boot_test` are skipped when these inputs were built and booted before. When another run builds
them now, `base` waits for it, without a worker.

### How it starts

By a push (the webhook), by a person (the form), or over the REST API. A run that a person starts deploys only
when *Deploy it too* is ticked. Without a commit it builds the newest of the ref.

### Where it runs

`base`, `build` and `boot_test` need Packer, qemu and bubblewrap on their worker. With dedicated workers
(CeleryExecutor), `SLIPWAY_PACKER_QUEUE` names their queue.
"""
ON_WORKERS_WITH_PACKER = forms.queue("SLIPWAY_PACKER_QUEUE")
UNLESS_ALL_SKIPPED = "none_failed_min_one_success"

with DAG(
    dag_id="vm_image",
    dag_display_name="VM image",
    description="Builds a commit's virtual machine image and puts it into Artifactory and Glance",
    schedule=PartitionedAtRuntime(),
    catchup=False,
    max_active_runs=16,
    deadline=deadline("vm_image", minutes=240),
    doc_md=ABOUT,
    tags=["slipway", "build", "vm"],
    default_args=forms.DEFAULT_ARGS,
    params=forms.image_params(),
) as dag:

    @task
    def plan() -> dict[str, Any]:
        """Fetch exactly this commit and read its ``slipway.yaml``."""
        with retried_if_worth_it():
            from slipway.pipelines import pushes
            from slipway.pipelines.images import vm_plan

            context = get_current_context()
            push, deploy = pushes.push_of(context)
            known = vm_plan.plan(push)
            idle = () if known.inputs else ("base", "build", "boot_test")
            return hand_on(context, {"deploy": deploy, "plan": known.to_json()}, idle)

    @resumable(**ON_WORKERS_WITH_PACKER)
    def base(planned: dict[str, Any]) -> dict[str, Any]:
        """Find the base by its digest, and look whether these inputs were built before."""
        with retried_if_worth_it():
            from slipway.pipelines.images import vm_image
            from slipway.pipelines.images.single_flight import claim_of
            from slipway.pipelines.images.vm_plan import VmBuildPlan

            known, context = VmBuildPlan.from_json(planned["plan"]), get_current_context()
            assert known.inputs is not None  # or this task is skipped
            found = vm_image.resolve(known, known.inputs, claim_of(context))
            return hand_on(context, found.to_json(), idle_of(found.image, found.good))

    @task(**ON_WORKERS_WITH_PACKER, execution_timeout=timedelta(hours=26))
    def build(resolved: dict[str, Any]) -> dict[str, Any]:
        """Have Packer build the image, and keep it in Artifactory and Glance."""
        with retried_if_worth_it():
            from slipway.pipelines.images import vm_build
            from slipway.pipelines.images.vm_plan import ResolvedVm
            from slipway.sandbox.program import interrupt_all

            known, context = ResolvedVm.from_json(resolved), get_current_context()
            if known.image is not None:
                raise NothingToDo(f"built before: {known.image.reference}")
            # Packer removes what it made elsewhere; the task may be retried.
            context["task"].on_kill = interrupt_all
            return vm_build.build(known, context["run_id"]).to_json()

    @task(**ON_WORKERS_WITH_PACKER, trigger_rule=UNLESS_ALL_SKIPPED, execution_timeout=timedelta(hours=2))
    def boot_test(resolved: dict[str, Any], image: dict[str, Any] | None) -> None:
        """Boot the image, and check its console and its answer."""
        with retried_if_worth_it():
            from slipway.flow.image import Image
            from slipway.pipelines.images import vm_image
            from slipway.pipelines.images.vm_plan import ResolvedVm

            known = ResolvedVm.from_json(resolved)
            if known.good:
                raise NothingToDo("booted in an earlier run")
            made = Image.from_json(image) if image else known.image
            assert made is not None
            vm_image.boot_test(known.plan, made, get_current_context()["run_id"])

    @task(outlets=[VM_IMAGE], trigger_rule="none_failed")
    def publish(
        planned: dict[str, Any], resolved: dict[str, Any] | None, image: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Make the image visible, record it, and hand it on."""
        with retried_if_worth_it():
            from slipway.pipelines.images.event import publish_file

            return publish_file(get_current_context(), VM_IMAGE, planned, resolved, image)

    planned = plan()
    resolved = base(planned)
    built = build(resolved)
    published = publish(planned, resolved, built)
    boot_test(resolved, built) >> published
    published.operator.operator_extra_links = (CommitLink(), ImageLink())
