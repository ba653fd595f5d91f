"""The DAGs that a push starts, of one short task each: scheduled, retried and reported as the real ones.

What a push has built is in its branch's name: ``refs/heads/container-vm-3``.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, PartitionedAtRuntime, get_current_context, task

from slipway.assets import DEPLOYMENT, DEPLOYMENTS, IMAGES, IMAGES_FOUND
from slipway.dagkit import forms
from slipway.dagkit.deadlines import deadline
from slipway.flow.platforms import PIPELINES, Platform
from slipway.pipelines.task_endings import retried_if_worth_it

COMMON: dict[str, Any] = {
    "schedule": PartitionedAtRuntime(),
    "catchup": False,
    "default_args": forms.DEFAULT_ARGS,
}

with DAG(dag_id="push", max_active_runs=1024, **COMMON):

    @task(outlets=[IMAGES_FOUND])
    def look() -> None:
        """Report what the branch's name says."""
        with retried_if_worth_it():
            from slipway.apiserver.client import ask_push, report_looked
            from slipway.flow.image import Built
            from slipway.flow.push_progress import PlatformProgress

            context = get_current_context()
            key = context["run_id"]
            one = ask_push(key)
            progress = {
                name: PlatformProgress(state="building")
                if name in one.push.ref
                else PlatformProgress(
                    state="done", built=Built(push=one.push, platform=name, deploy=one.deploy)
                )
                for name in PIPELINES
            }
            report_looked(key, progress)
            for name, known in progress.items():
                if known.built:
                    context["outlet_events"][IMAGES_FOUND].add(IMAGES[name], extra=known.built.to_json())

    look()


@task
def publish(platform: Platform) -> None:
    """Hand on an image that nobody built."""
    with retried_if_worth_it():
        from slipway.flow.image import Built, Image
        from slipway.pipelines.images.event import announce
        from slipway.pipelines.images.run import Links
        from slipway.pipelines.pushes import push_of

        context = get_current_context()
        push, deploy = push_of(context)
        digest = f"sha256:{hashlib.sha256(f'{push.partition_key} {platform}'.encode()).hexdigest()}"
        image = Image(
            platform=platform,
            application=push.repository.partition("/")[2],
            repository=push.repository,
            commit=push.commit,
            digest=digest,
            input_digest=digest,
            reference=f"nowhere/{platform}@{digest}",
        )
        built = Built(push=push, platform=platform, image=image, deploy=deploy)
        announce(context, IMAGES[platform], built, Links(commit="", image=""))


for platform, pipeline in PIPELINES.items():
    minutes = 60 if platform == "container" else 240
    with DAG(dag_id=pipeline, max_active_runs=16, deadline=deadline(pipeline, minutes=minutes), **COMMON):
        publish.override(outlets=[IMAGES[platform]])(platform)


with DAG(dag_id="deploy", max_active_runs=1024, deadline=deadline("deploy", minutes=120), **COMMON):

    @task(inlets=[DEPLOYMENT], outlets=[DEPLOYMENTS])
    def keep() -> None:
        """Hand on a deployment of each image."""
        with retried_if_worth_it():
            from slipway.apiserver.client import ask_push
            from slipway.flow.deployment import Deployment
            from slipway.pipelines.release.deploy import release_of

            context = get_current_context()
            release = release_of(ask_push(context["run_id"]))
            for name, image in release.images.items():
                deployment = Deployment(
                    push=release.push,
                    application=image.application,
                    environment="production",
                    platform=name,
                    image=image,
                    where="nowhere",
                    since=datetime.now(UTC),
                )
                context["outlet_events"][DEPLOYMENTS].add(DEPLOYMENT, extra=deployment.to_json())

    keep()
