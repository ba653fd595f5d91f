"""One release on containers and bare metal: kept on both, or what ran before is back on both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab.airflow.connections import connections
from lab.process import wait_gone
from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.flow.deployment import Deployment
from slipway.flow.image import Image
from slipway.flow.image_place import ImagePlace
from tests.dags.in_process import build_container
from tests.dags.pushing import REPOSITORY, Pushed, Run, run_with_id
from tests.systems.openstack.ironic_lab import SECONDS, Ground, connection

pytestmark = pytest.mark.lab

SPEC = """\
version: 1
name: {name}
{container}
bare_metal:
  elements: [debian-minimal]
  ironic:
    resource_class: {name}
    count: {count}
    network: demo
    user_data: cloud-config
    pacing: {{at_once: 2}}
    attempts: 1
"""
CONTAINER = """\
container:
  kubernetes:
    service: NodePort
    ports: [{name: http, container: 8080}]
    resources: {cpu: 10m, memory: 16Mi}
    probes: {readiness: {http: /, period_seconds: 1}}
"""
DOCKERFILE = """\
FROM busybox:1.36
COPY answer /www/index.html
USER 65534
CMD ["/bin/sh", "-c", "trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait"]
"""


@dataclass
class Releases:
    """Releases whose images are there: only what `deploy` does is tried."""

    app: Pushed
    ground: Ground

    def build(self, number: int, container: str = CONTAINER, count: int = 2) -> tuple[str, Image]:
        """Have images of a new commit; returns the commit and the bare-metal image."""
        app = self.app
        content = {
            "slipway.yaml": SPEC.format(name=app.name, container=container, count=count),
            "Dockerfile": DOCKERFILE,
            "answer": f"{number}\n",
            "cloud-config": f"#cloud-config\nhostname: release-{number}\n",
        }
        push = app.push(content, f"built-{app.name}-{number}")
        if container:
            build_container(app.lab, push)
        image = self.ground.image().model_copy(
            update={"commit": push.commit, "application": app.name, "repository": REPOSITORY}
        )
        place = ImagePlace("generic-local", "demo", app.name, "bare_metal")
        Files(ArtifactoryHook().get_conn()).put_json(place.commit_record(push.commit), image.to_json())
        return push.commit, image

    def release(self, commit: str) -> Run:
        started = self.app.start("deploy", commit=commit, environment="staging")
        return run_with_id(self.app.airflow, started, "deploy")

    def nodes(self) -> set[str]:
        """The images on the machines' disks."""
        return {self.ground.written(name).get("source", "") for name in self.ground.names()}


@pytest.fixture
def releases(app: Pushed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    for name, value in connections(app.lab.variables).items():
        monkeypatch.setenv(name, value)
    with connection(app.lab, "slipway") as tenant, connection(app.lab, "system") as system:
        ground = Ground(tenant, system, name=app.name, environment="staging")
        yield Releases(app, ground)
        ground.remove()


def events(run: Run) -> dict[str, Deployment]:
    found = [Deployment.from_json(one["extra"]) for one in run.airflow.get_run_events("deploy", run.id)]
    return {one.platform: one for one in found}


def test_bare_metal_alone_lacks_nodes_then_fails_on_one_and_then_is_kept_by_its_rollout(
    releases: Releases,
) -> None:
    [machine] = releases.ground.machines(1)
    assert_too_few_nodes_are_told_and_nothing_is_left(releases, machine)
    assert_a_first_release_that_fails_leaves_no_node_behind(releases, machine)
    releases.ground.machines(1)
    commit, image = releases.build(3, container="")
    run = releases.release(commit)
    assert run.state == "success", run.story
    assert run.tasks["bare_metal.rollout"] == "success"
    assert run.tasks["keep"] == "skipped"
    [done] = events(run).values()
    assert (done.platform, done.image.digest) == ("bare_metal", image.digest)
    assert done.where.startswith(f"2 x {releases.app.name}")
    assert releases.nodes() == {str(image.glance)}


def assert_too_few_nodes_are_told_and_nothing_is_left(releases: Releases, machine: str) -> None:
    commit, _ = releases.build(1, container="", count=2)
    run = releases.release(commit)
    assert run.state == "failed", run.story
    assert f"1 of 2 nodes of resource class {releases.app.name} are missing" in "\n".join(
        run.log("bare_metal.rollout")
    )
    assert releases.ground.node(machine).body["instance_uuid"] is None


def assert_a_first_release_that_fails_leaves_no_node_behind(releases: Releases, machine: str) -> None:
    commit, bad = releases.build(2, container="", count=1)
    releases.ground.steer(machine, deploy={"fail": "the disk is broken", "image": str(bad.glance)})
    run = releases.release(commit)
    assert run.state == "failed", run.story
    assert "nothing of this one remains" in "\n".join(run.log("bare_metal.go_back"))
    assert releases.ground.ironic.allocations(releases.ground.prefix) == {}
    assert wait_gone(lambda: releases.ground.states() == ["available"], SECONDS)


def test_bare_metal_that_fails_brings_the_containers_back_too(releases: Releases) -> None:
    machines = releases.ground.machines(2)
    commit, good = releases.build(1)
    first = releases.release(commit)
    assert first.state == "success", first.story
    assert set(events(first)) == {"container", "bare_metal"}
    assert releases.nodes() == {str(good.glance)}

    broken, bad = releases.build(2)
    releases.ground.steer(machines[0], deploy={"fail": "the disk is broken", "image": str(bad.glance)})
    second = releases.release(broken)
    assert second.state == "failed", second.story
    assert second.tasks["bare_metal.rollout"] == "failed"
    assert second.tasks["container.rollout"] == "success"
    assert (second.tasks["bare_metal.go_back"], second.tasks["container.go_back"]) == ("success", "success")
    said = "\n".join(second.log("bare_metal.rollout"))
    assert machines[0] in said
    assert "the disk is broken" in said
    back = "\n".join(second.log("bare_metal.go_back"))
    assert f"{commit[:12]} ({good.digest[:19]}), healthy" in back
    assert releases.nodes() == {str(good.glance)}
    assert releases.ground.states() == ["active", "active"]
