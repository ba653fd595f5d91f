"""Releases and their images through the lab: what goes, what stays, and what `rollback` says afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import openstack
import pytest

from lab.access import Lab
from slipway.docker.registry import Registry
from slipway.openstack.glance.glance import Glance
from slipway.pipelines.images.stores import Stores
from slipway.pipelines.upkeep.retention.shelves import Shelves
from tests.dags.in_process import build_container
from tests.dags.pushing import Pushed, Run, application, run_with_id
from tests.pipelines.places import files_of
from tests.pipelines.upkeep.retained import CLOUD, REPOSITORY, Shop
from tests.registry_images import tags_of

pytestmark = pytest.mark.lab

DAG = "retention"
DOCKERFILE = "FROM busybox:1.36\nLABEL version={}\n"


@pytest.fixture
def app(lab: Lab, airflow_api: httpx.Client, tmp_path: Path) -> Iterator[Pushed]:
    """An application for which nothing stays because it is young, and two releases of staging do."""
    with application(lab, airflow_api, tmp_path / "work", REPOSITORY) as found:
        yield found


@pytest.fixture
def machines(app: Pushed, tmp_path: Path) -> Iterator[Shop]:
    """Images of servers of the same application, in the lab's Artifactory and Glance."""
    config = openstack.config.OpenStackConfig(config_files=[app.lab["OS_CLIENT_CONFIG_FILE"]])
    host, login = app.lab.registry.url.partition("://")[2], app.lab.registry
    with (
        openstack.connection.Connection(config=config.get_one("slipway")) as cloud,
        Registry(host, login.user, login.password).client() as registry,
    ):
        both = Stores(files_of(app.lab), Glance(cloud))
        shop = Shop(
            app.lab, both, Shelves(both.files, registry, {CLOUD: both.glance}), tmp_path, "demo", app.name
        )
        yield shop
        shop.clear()


def release(app: Pushed, version: str) -> str:
    """Have a version deployed to staging, and return its commit."""
    content = {"Dockerfile": DOCKERFILE.format(version), "slipway.yaml": app.spec}
    push = app.push(content, f"built-{app.name}-{version}")
    build_container(app.lab, push)
    run = run_with_id(app.airflow, app.start("deploy", commit=push.commit, environment="staging"), "deploy")
    assert run.state == "success", run.story
    return push.commit


def retained(app: Pushed, **params: object) -> Run:
    """Start the DAG by its form, for the application's repository alone."""
    ended = run_with_id(app.airflow, app.start(DAG, repositories=[REPOSITORY], **params), DAG)
    assert ended.state == "success", ended.errors("images")
    return ended


def fates(run: Run, app: Pushed) -> dict[tuple[str, str], str]:
    """What the table says becomes of the application's images, by platform and commit."""
    lines = [line.split() for line in run.log("images") if f" {app.name} " in line]
    return {(cells[0], cells[2]): line for line in map(" ".join, lines) if len(cells := line.split()) > 6}


def commits(app: Pushed) -> set[str]:
    return {tag for tag in tags_of(app.lab.registry, app.place) if not tag.startswith("in-")}


def test_what_nothing_needs_goes_from_every_store_and_cannot_be_brought_back(
    app: Pushed, machines: Shop
) -> None:
    first, second, third = (release(app, version) for version in "123")
    gone, held = machines.machine("a"), machines.machine("b")
    machines.both.glance.annotate(str(held.glance), {"slipway_hold": "the audit of May"})

    shown = fates(retained(app), app)
    assert {key: " goes " in line for key, line in shown.items()} == {
        ("container", first[:12]): True,
        ("container", second[:12]): False,
        ("container", third[:12]): False,
        ("vm", "a" * 12): True,
        ("vm", "b" * 12): False,
    }
    assert f"deployment demo/{app.name} runs it" in shown["container", third[:12]]
    assert "one of the last 2 releases of staging" in shown["container", second[:12]]
    assert "held: the audit of May" in shown["vm", "b" * 12]
    assert commits(app) == {first, second, third}, "a person only sees it, at first"

    done = retained(app, dry_run=False)
    assert f"removed tag {app.place}:{first}" in done.log("images")
    assert commits(app) == {second, third}
    glance, files = machines.both.glance, machines.both.files
    assert (glance.find(str(gone.glance)), files.find(gone.reference)) == (None, None)
    assert glance.get(str(held.glance)).status == "active"
    assert files.find(held.reference) is not None

    refused = run_with_id(app.airflow, app.start("rollback", environment="staging", commit=first), "rollback")
    assert refused.tasks == {"choose": "failed", "deploy": "upstream_failed"}
    said = "\n".join(refused.log("choose"))
    assert f"{first[:12]} (container; " in said
    assert "cannot be restored: its container image no longer exists" in said
    assert f"There are images of: {second[:12]} (container; " in said
