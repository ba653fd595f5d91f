"""One release on two platforms: kept on both, or what ran before is back on both."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from openstack.connection import Connection

from lab.airflow.connections import connections
from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.flow.deployment import Deployment
from slipway.flow.image import Image
from slipway.openstack.hook import OpenstackHook
from slipway.pipelines.records import commit_record
from tests.dags.pushing import PAUSE_SECONDS, REPOSITORY, TRIES, Pushed, Run, run_with_id

pytestmark = pytest.mark.lab

SPEC = """\
version: 1
name: {name}
container:
  kubernetes: {{replicas: 0, env: {{RELEASE: "{number}"}}{kubernetes}}}
vm:
  template: x.pkr.hcl
  base: {{artifactory: generic-local/bases/x.qcow2}}
  nova: {{flavor: small, networks: [demo], count: 2{nova}}}
"""
REFUSED = ", resources: {memory: 64Mi, memory_limit: 32Mi}"
BROKEN = ", metadata: {lab_spawn_fail: no more electricity}"
SLOW = ', metadata: {lab_spawn_delay: "8"}'


@dataclass
class Releases:
    """Releases of an application whose images are there: only what `deploy` does is tried."""

    app: Pushed
    cloud: Connection
    images: list[str] = field(default_factory=list)

    def build(self, number: int, kubernetes: str = "", nova: str = "") -> str:
        """Have images of a new commit; returns the commit."""
        app = self.app
        spec = SPEC.format(name=app.name, number=number, kubernetes=kubernetes, nova=nova)
        content = {
            "slipway.yaml": spec,
            "Dockerfile": "FROM busybox:1.36\n",
            ".dockerignore": "slipway.yaml\n",
        }
        push = app.push(content, f"built-{app.name}-{number}")
        run = run_with_id(app.airflow, app.start(ref=push.ref, commit=push.commit))
        assert run.state == "success", run.tasks
        made = self.cloud.image.create_image(
            f"{app.name}-{number}",
            disk_format="raw",
            container_format="bare",
            data=secrets.token_bytes(512),
            wait=True,
        )
        self.images.append(made.id)
        image = Image(
            platform="vm",
            application=app.name,
            repository=REPOSITORY,
            commit=push.commit,
            digest=f"sha256:{secrets.token_hex(32)}",
            input_digest=f"sha256:{secrets.token_hex(32)}",
            reference=f"generic-local/demo/{app.name}/vm/x/{app.name}.raw",
            glance=made.id,
        )
        files = Files(ArtifactoryHook().get_conn())
        files.put_json(commit_record(f"generic-local/demo/{app.name}/vm", push.commit), image.to_json())
        return push.commit

    def start(self, commit: str) -> str:
        return self.app.start("deploy", commit=commit, environment="staging")

    def release(self, commit: str) -> Run:
        return run_with_id(self.app.airflow, self.start(commit), "deploy")

    def container(self) -> str:
        """The commit whose objects are applied, as the cluster says; "" for none."""
        command = [
            "kubectl",
            f"--kubeconfig={self.app.lab.kubeconfig}",
            "--namespace=demo",
            "get",
            "deployment",
        ]
        selector = f"--selector=slipway.io/application={self.app.name}"
        done = subprocess.run([*command, selector, "-o", "json"], check=True, capture_output=True, timeout=60)
        found = json.loads(done.stdout)["items"]
        return str(found[0]["metadata"]["annotations"]["slipway.io/commit"]) if found else ""

    def servers(self) -> list[tuple[str, str]]:
        """Commit and state of each server, as Nova says."""
        for _ in range(TRIES):
            found = [one for one in self.cloud.compute.servers(details=True) if self._is_mine(one)]
            if not [one for one in found if one.task_state == "deleting"]:
                break
            time.sleep(PAUSE_SECONDS)
        return sorted((one.metadata["slipway_commit"], one.status) for one in found)

    def cloud_has_servers(self) -> bool:
        return any(self._is_mine(one) for one in self.cloud.compute.servers(details=True))

    def _is_mine(self, server: Any) -> bool:
        return (server.metadata or {}).get("slipway_application") == self.app.name

    def remove(self) -> None:
        for one in self.cloud.compute.servers(details=True):
            if self._is_mine(one):
                self.cloud.compute.delete_server(one.id)
        for image in self.images:
            self.cloud.image.delete_image(image)


@pytest.fixture
def releases(app: Pushed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    for name, value in connections(app.lab.variables).items():
        monkeypatch.setenv(name, value)
    with OpenstackHook().get_conn() as cloud:
        found = Releases(app, cloud)
        yield found
        found.remove()


def events(run: Run) -> dict[str, Deployment]:
    found = [Deployment.from_json(one["extra"]) for one in run.airflow.get_run_events("deploy", run.id)]
    return {one.platform: one for one in found}


def test_release_is_kept_on_both_platforms_and_told_of_each(releases: Releases) -> None:
    commit = releases.build(1)
    run = releases.release(commit)
    assert run.state == "success", run.tasks
    done = {name: state for name, state in run.tasks.items() if state == "success"}
    assert set(done) == {"release", "container.rollout", "vm.rollout", "keep", "all_ended", "released"}
    told = events(run)
    assert told.keys() == {"container", "vm"}
    assert told["vm"].where.startswith(f"servers {releases.app.name}-staging-{commit[:12]}-0, ")
    assert releases.servers() == [(commit, "ACTIVE")] * 2
    log = "\n".join(run.log("keep"))
    for platform in ("container", "vm"):
        assert re.search(rf"^{platform} +nothing +{commit[:12]} \(.*\) +{commit[:12]} \(", log, re.M)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"nova": BROKEN}, "no more electricity"),
        ({"kubernetes": REFUSED}, "must be less than or equal to memory"),
    ],
    ids=["vm", "container"],
)
def test_platform_that_fails_takes_the_other_back_too(
    releases: Releases, broken: dict[str, str], said: str
) -> None:
    first, second = releases.build(1), releases.build(2, **broken)
    assert releases.release(first).state == "success"
    run = releases.release(second)
    assert run.state == "failed"
    failed, other = ("vm", "container") if "nova" in broken else ("container", "vm")
    assert (run.tasks[f"{failed}.rollout"], run.tasks[f"{other}.rollout"]) == ("failed", "success")
    assert said in "\n".join(run.log(f"{failed}.rollout"))
    for platform in ("container", "vm"):
        log = "\n".join(run.log(f"{platform}.go_back"))
        assert "The previous version is back and serves" in log
        assert re.search(rf"^{platform} +{first[:12]} .* {second[:12]} .* {first[:12]} .*healthy$", log, re.M)
    assert releases.container() == first
    assert releases.servers() == [(first, "ACTIVE")] * 2
    assert events(run) == {}


def test_first_release_that_fails_on_one_platform_leaves_nothing_on_any(releases: Releases) -> None:
    run = releases.release(releases.build(1, nova=BROKEN))
    assert run.state == "failed"
    assert releases.container() == ""
    assert releases.servers() == []


def test_name_that_the_cloud_does_not_have_is_refused_before_anything_is_touched(releases: Releases) -> None:
    run = releases.release(releases.build(1, nova=", security_groups: [nobodys]"))
    assert run.state == "failed"
    assert "vm.nova.security_groups: the cloud has no 'nobodys'. It has: default, web" in "\n".join(
        run.log("release")
    )
    assert run.tasks["container.rollout"] == "upstream_failed"
    assert releases.container() == ""


def test_rollout_that_is_killed_in_the_middle_goes_on_without_doubles(releases: Releases) -> None:
    commit = releases.build(1, nova=SLOW)
    run_id = releases.start(commit)
    kill(releases.app, run_id, "vm.rollout")
    run = run_with_id(releases.app.airflow, run_id, "deploy")
    assert run.state == "success", run.tasks
    assert run.tries["vm.rollout"] == 2
    assert releases.servers() == [(commit, "ACTIVE")] * 2


def test_newer_release_takes_over_and_the_older_one_says_by_which(releases: Releases) -> None:
    older, newer = releases.build(1, nova=SLOW), releases.build(2)
    run_id = releases.start(older)
    wait_for(releases.app, run_id, "vm.rollout", ("deferred", "running"))
    for _ in range(TRIES):
        if releases.cloud_has_servers():
            break
        time.sleep(PAUSE_SECONDS)
    new = releases.release(newer)
    old = run_with_id(releases.app.airflow, run_id, "deploy")
    assert new.state == "success", new.tasks
    assert old.tasks["vm.rollout"] == "skipped"
    assert newer[:12] in "\n".join(old.log("vm.rollout"))
    assert releases.container() == newer
    assert releases.servers() == [(newer, "ACTIVE")] * 2


def wait_for(app: Pushed, run_id: str, task_id: str, states: tuple[str, ...]) -> dict[str, Any]:
    for _ in range(TRIES):
        tasks = app.airflow.get_tasks("deploy", run_id)
        task = next((one for one in tasks if one["task_id"] == task_id), None)
        if task and task["state"] in states and (task["pid"] or "deferred" in states):
            return dict(task)
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{task_id} of {run_id} never came to be {states}")


def kill(app: Pushed, run_id: str, task_id: str) -> None:
    """Kill a task's process as a machine that dies does, as soon as it works."""
    task = wait_for(app, run_id, task_id, ("running",))
    time.sleep(2)  # it has begun to make servers
    os.kill(task["pid"], signal.SIGKILL)
