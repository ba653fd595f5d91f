"""A commit's container image, built by the functions of ``container_image`` in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from lab.access import Lab
from lab.airflow.connections import connections
from lab.paths import this_checkout
from slipway.flow.image import Image
from slipway.flow.push import PushEvent
from slipway.pipelines import container_image
from slipway.pipelines.run import Run


@contextmanager
def as_a_task(lab: Lab) -> Iterator[None]:
    """Have the connections, the engine and the allow-list of the lab's tasks."""
    apps = this_checkout().checkout / "lab" / "apps.yaml"
    known = {"DOCKER_HOST": lab.docker_host, "SLIPWAY_APPS_FILE": str(apps), **connections(lab.variables)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known.items():
            patch.setenv(name, value)
        yield


def build(lab: Lab, push: PushEvent) -> Image:
    """Do what the DAG's tasks do, one after the other: a run of Airflow's is nothing that a release needs."""
    run = Run(id=f"built-{push.short_commit}", started=datetime.now(UTC), url=lab.airflow.url)
    with as_a_task(lab):
        known = container_image.plan(push)
        assert known.inputs is not None, "slipway.yaml has no container"
        resolved = container_image.resolve(known, known.inputs)
        image = resolved.image or container_image.build(resolved)
        built, _ = container_image.publish(known, image.to_json(), deploy=False, run=run)
    assert built.image is not None
    return built.image
