"""A bare-metal image from a template: built by Packer, booted, kept, and deployed onto a node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.access import Lab
from lab.images.vm_publish import PATH
from lab.process import wait_gone
from slipway.diskimage_builder.inputs import build_name
from tests.dags.bare_metal_images import DAG, BareMetalImages, bare_metal_images, by_packer
from tests.dags.pushing import Pushed, run_with_id
from tests.dags.vm_images import FOLDER, by_worker, speaking
from tests.systems.openstack.ironic_lab import Ground, connection

pytestmark = pytest.mark.lab

SECONDS = 60.0
IN_ORDER = ("plan", "package_sources", "build", "boot_test", "publish")


@pytest.fixture
def images(lab: Lab, app: Pushed) -> Iterator[BareMetalImages]:
    with bare_metal_images(lab, app) as found:
        yield found


@pytest.fixture
def ground(lab: Lab, app: Pushed) -> Iterator[Ground]:
    with connection(lab, "slipway") as tenant, connection(lab, "system") as system:
        found = Ground(tenant, system, name=app.name, environment="staging")
        yield found
        found.remove()


def spoken() -> dict[str, str]:
    """Return the lab's example with a template that needs no machine."""
    content = by_packer()
    spec = content["slipway.yaml"].replace("    variables: {greeting: welcome}\n", "")
    return {**content, "slipway.yaml": spec, "image/image.pkr.hcl": speaking(commit=True)}


@pytest.mark.parametrize(
    ("content", "built_by", "says"),
    [
        pytest.param(
            by_packer(),
            "==> qemu.disk: Provisioning with shell script",
            "welcome: metal-packer at",
            marks=pytest.mark.release,  # its machine and its builder are tried by vm_image's tests
            id="the example",
        ),
        pytest.param(spoken(), "==> null.one: Running local shell script", "login:", id="no machine"),
    ],
)
def test_a_template_becomes_a_booted_image_and_a_node_with_it(
    images: BareMetalImages, ground: Ground, content: dict[str, str], built_by: str, says: str
) -> None:
    push = images.push(content)
    started = images.start(push)
    [machine] = ground.machines(1)
    run = images.ended(started)
    assert run.tasks == dict.fromkeys(IN_ORDER, "success"), run.story
    assert any(built_by in line for line in run.log("build"))
    assert f"{says} {push.commit}" in "\n".join(run.log("boot_test"))

    built = images.built(run)
    image = built.image
    assert image is not None
    assert (built.platform, built.reused, image.parts) == ("bare_metal", False, {})
    assert image.reference == f"{images.folder}/{image.input_digest[7:47]}/{images.app.name}.qcow2"
    assert [base.name for base in image.bases] == [PATH]
    assert images.digests(image.reference, str(image.glance)) == {image.digest}
    [found] = images.in_glance()
    assert (str(found.id), found.status, found.is_hidden) == (str(image.glance), "active", False)
    told = {name: found.properties[f"slipway_{name}"] for name in ("run", "commit", "boot")}
    assert told == {"run": run.id, "commit": push.commit, "boot": "passed"}
    kept = images.properties(image.reference)
    assert (kept["slipway.commit"], kept["slipway.glance"]) == (push.commit, str(image.glance))
    record = images.artifactory.get(f"/{images.folder}/commits/{push.commit}.json").raise_for_status()
    assert record.json() == image.to_json()
    name = images.folder.replace("/", " :: ")
    info = images.artifactory.get(f"/api/build/{name}/{push.short_commit}").raise_for_status().json()
    [artifact] = info["buildInfo"]["modules"][0]["artifacts"]
    assert f"sha256:{artifact['sha256']}" == image.digest
    assert images.on_worker() == []

    again = images.run(push)
    assert (again.state, again.tasks["build"], again.tasks["boot_test"]) == ("success", "skipped", "skipped")
    assert images.built(again).image == image

    deployed = images.app.start("deploy", commit=push.commit, environment="staging")
    release = run_with_id(images.app.airflow, deployed, "deploy")
    assert release.state == "success", release.story
    assert ground.written(machine)["source"] == str(image.glance)


def test_a_build_that_is_asked_to_end_has_packer_tidy_up(images: BareMetalImages) -> None:
    template = {"image/image.pkr.hcl": by_worker(FOLDER, "sleep 300")}
    run_id = images.start(images.push({**spoken(), **template}))
    folder = images.state / "airflow/slipway/builds" / build_name(images.app.name, run_id)
    assert wait_gone((folder / "output/image").exists, SECONDS)
    task = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/build"
    images.app.api.patch(task, json={"new_state": "failed"}).raise_for_status()
    assert wait_gone(lambda: images.on_worker() == [], SECONDS)
    assert "Cleanly cancelled builds after being interrupted." in "\n".join(images.ended(run_id).log("build"))
