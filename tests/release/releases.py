"""Releases of an application whose images are there: only what ``deploy`` does with them is tried."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from openstack.connection import Connection

from slipway.artifactory.files import Files
from slipway.artifactory.hook import ArtifactoryHook
from slipway.flow.deployment import Deployment
from slipway.flow.image import Image
from slipway.flow.image_place import ImagePlace
from tests.dags.in_process import build_container
from tests.dags.pushing import PAUSE_SECONDS, REPOSITORY, TRIES, Pushed, Run, run_with_id
from tests.systems.openstack.ironic_lab import Ground, connection

IDLE = "{replicas: 0}"
SERVING = """{service: NodePort, ports: [{name: http, container: 8080}], resources: {cpu: 10m, memory: 16Mi},
    probes: {readiness: {http: /, period_seconds: 1}}}"""
NEVER_READY = SERVING.replace("http: /", "http: /missing").replace(
    "{service", "{progress_seconds: 10, service"
)
DOCKERFILE = """\
FROM busybox:1.36
COPY answer /www/index.html
USER 65534
CMD ["/bin/sh", "-c", "trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait"]
"""
SERVERS = "{flavor: small, networks: [demo], count: 2}"
BROKEN = "metadata: {lab_spawn_fail: no more electricity}"
SLOW = 'metadata: {lab_spawn_delay: "8"}'
MACHINES = "{resource_class: NAME, count: 2, network: demo, pacing: {at_once: 2}, attempts: 1}"


def servers(more: str) -> str:
    """Return what ``vm.nova`` is with another field."""
    return SERVERS.replace("}", f", {more}}}")


@dataclass(frozen=True)
class Release:
    """A commit, and its images by platform."""

    commit: str
    images: dict[str, Image]

    def digest(self, platform: str) -> str:
        return self.images[platform].digest

    def glance(self, platform: str) -> str:
        return str(self.images[platform].glance)


def version(release: Release, platform: str) -> str:
    """Return the pattern of a release's version in the tables of logs."""
    return re.escape(f"{release.commit[:12]} ({release.digest(platform)[:19]})")


@dataclass
class Releases:
    """What the platforms themselves say of the application in ``staging``."""

    app: Pushed
    cloud: Connection
    ground: Ground
    made: list[str] = field(default_factory=list)

    def build(
        self,
        number: int,
        container: str = IDLE,
        vm: str = SERVERS,
        bare_metal: str = "",
        *,
        inputs: str = "",
        order: str = "[]",
    ) -> Release:
        """Have images of a new commit.

        :param container: its ``kubernetes``; "" for no container.
        :param vm: its ``nova``; "" for no virtual machine.
        :param bare_metal: its ``ironic``; "" for no bare metal.
        :param inputs: what the container is built from; another for each number when it is left out.
        """
        app, spec = self.app, ["version: 1", f"name: {self.app.name}", f"order: {order}"]
        if container:
            spec.append(f"container: {{kubernetes: {container}}}")
        if vm:
            base = "{artifactory: generic-local/bases/x.qcow2}"
            spec.append(f"vm: {{template: x.pkr.hcl, base: {base}, nova: {vm}}}")
        if bare_metal:
            ironic = bare_metal.replace("NAME", app.name)
            spec.append(f"bare_metal: {{elements: [debian-minimal], ironic: {ironic}}}")
        files = {
            "slipway.yaml": "\n".join([*spec, ""]),
            "Dockerfile": DOCKERFILE,
            ".dockerignore": "slipway.yaml\nnumber\n",
            "answer": f"{inputs or number}\n",
            "number": f"{number}\n",
        }
        push = app.push(files, f"built-{app.name}-{number}")
        images = {}
        if container:
            images["container"] = build_container(app.lab, push)
        if vm:
            images["vm"] = self._recorded("vm", self._vm_image(number), push.commit)
        if bare_metal:
            images["bare_metal"] = self._recorded("bare_metal", self.ground.image(), push.commit)
        return Release(push.commit, images)

    def start(self, release: Release) -> str:
        return self.app.start("deploy", commit=release.commit, environment="staging")

    def ended(self, run_id: str) -> Run:
        return run_with_id(self.app.airflow, run_id, "deploy")

    def release(self, release: Release) -> Run:
        return self.ended(self.start(release))

    def told(self, run: Run) -> dict[str, Deployment]:
        """Return what a run handed on, by platform."""
        events = run.airflow.get_run_events("deploy", run.id)
        found = [Deployment.from_json(one["extra"]) for one in events]
        return {one.platform: one for one in found}

    def container(self) -> tuple[str, str]:
        """The commit and the image's digest of what is applied, as the cluster says; "" for none."""
        deployments = objects(self.app, "deployment")
        if not deployments:
            return "", ""
        [one] = deployments
        image = one["spec"]["template"]["spec"]["containers"][0]["image"]
        return one["metadata"]["annotations"]["slipway.io/commit"], image.partition("@")[2]

    def pods(self) -> list[str]:
        """The digests that pods run which are not being ended."""
        living = [one for one in objects(self.app, "pod") if "deletionTimestamp" not in one["metadata"]]
        return sorted(one["spec"]["containers"][0]["image"].partition("@")[2] for one in living)

    def servers(self) -> list[tuple[str, str]]:
        """Image and state of each server that is not being deleted, as Nova says, when none is any more."""
        wait_for(lambda: not [one for one in self.all_servers() if one.task_state == "deleting"])
        return sorted((str(one.image.id), one.status) for one in self.all_servers())

    def all_servers(self) -> list[Any]:
        """The application's servers."""
        every = self.cloud.compute.servers(details=True)
        return [one for one in every if (one.metadata or {}).get("slipway_application") == self.app.name]

    def disks(self) -> set[str]:
        """The images on the machines' disks."""
        return {self.ground.written(name).get("source", "") for name in self.ground.names()}

    def assert_runs(self, release: Release) -> None:
        """See on the real systems that a release runs on all three platforms, and nothing else does."""
        assert self.container() == (release.commit, release.digest("container"))
        wait_for(lambda: len(self.pods()) == 1)
        assert self.pods() == [release.digest("container")]
        assert self.servers() == [(release.glance("vm"), "ACTIVE")] * 2
        assert self.disks() == {release.glance("bare_metal")}
        assert self.ground.states() == ["active", "active"]
        assert len(self.ground.ironic.allocations(self.ground.prefix)) == 2

    def remove(self) -> None:
        """Take away the servers, the machines and the images."""
        for one in self.all_servers():
            self.cloud.compute.delete_server(one.id)
        for image in self.made:
            self.cloud.image.delete_image(image)
        self.ground.remove()

    def _vm_image(self, number: int) -> Image:
        made: Any = self.cloud.image.create_image(
            f"{self.app.name}-{number}",
            disk_format="raw",
            container_format="bare",
            data=secrets.token_bytes(512),
            wait=True,
        )
        self.made.append(made.id)
        return Image(
            platform="vm",
            application=self.app.name,
            repository=REPOSITORY,
            commit="a" * 40,
            digest=f"sha256:{secrets.token_hex(32)}",
            input_digest=f"sha256:{secrets.token_hex(32)}",
            reference=f"generic-local/demo/{self.app.name}/vm/x/{self.app.name}.raw",
            glance=made.id,
        )

    def _recorded(self, platform: str, image: Image, commit: str) -> Image:
        """Write down that an image is a commit's, as its pipeline does."""
        mine = {"platform": platform, "commit": commit, "application": self.app.name}
        found = image.model_copy(update=mine)
        place = ImagePlace("generic-local", "demo", self.app.name, found.platform)
        Files(ArtifactoryHook().get_conn()).put_json(place.commit_record(commit), found.to_json())
        return found


def objects(app: Pushed, kind: str) -> list[dict[str, Any]]:
    """Return what the cluster itself says that an application has of a kind."""
    command = ["kubectl", f"--kubeconfig={app.lab.kubeconfig}", "--namespace=demo", "get", kind]
    selector = f"--selector=slipway.io/application={app.name}"
    done = subprocess.run([*command, selector, "-o", "json"], check=True, capture_output=True, timeout=60)
    return list(json.loads(done.stdout)["items"])


def wait_for(
    is_so: Callable[[], Any], seconds: float = TRIES * PAUSE_SECONDS, pause: float = PAUSE_SECONDS
) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds / pause)):
        if is_so():
            return
        time.sleep(pause)
    raise AssertionError("it never came to be so")


@contextmanager
def releases_of(app: Pushed) -> Iterator[Releases]:
    """Have releases of an application; the connections are in the environment."""
    with connection(app.lab, "slipway") as tenant, connection(app.lab, "system") as system:
        found = Releases(app, tenant, Ground(tenant, system, name=app.name, environment="staging"))
        yield found
        found.remove()


def kill_in(releases: Releases, run_id: str, task_id: str, begun: Callable[[], Any]) -> None:
    """Kill the process of a task's first try, when what it does has begun.

    A process that hands its waiting on just then is not missed by anybody: the next one is killed.
    """
    noticed, tried = False, False

    def is_noticed() -> bool:
        nonlocal noticed, tried
        tasks = releases.app.airflow.get_tasks("deploy", run_id)
        [task] = [one for one in tasks if one["task_id"] == task_id]
        tried = task["try_number"] > 1 or task["state"] == "up_for_retry"
        noticed = tried or task["state"] != "running"
        return noticed

    while not tried:
        task = task_in(releases, run_id, task_id, ("running",))
        wait_for(begun)
        with suppress(ProcessLookupError):
            os.kill(task["pid"], signal.SIGKILL)
        wait_for(is_noticed)


def task_in(releases: Releases, run_id: str, task_id: str, states: tuple[str, ...]) -> dict[str, Any]:
    """Wait until a task of ``deploy`` is in one of these states, and return it."""
    found: list[dict[str, Any]] = []

    def is_so() -> bool:
        tasks = releases.app.airflow.get_tasks("deploy", run_id)
        found[:] = [one for one in tasks if one["task_id"] == task_id and one["state"] in states]
        return bool(found) and bool(found[0]["pid"] or "deferred" in states)

    wait_for(is_so)
    return found[0]
