"""Into an environment of its own: with somebody's approval, and by promotion of what another one runs."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from openstack.connection import Connection

from lab.access import Lab
from slipway.artifactory.build_info import build_of
from slipway.cli import OK, main
from slipway.cli.api import Airflow
from slipway.cli.repository import WorkingCopy
from slipway.cli.settings import Login
from slipway.cli.starting import run_id_of
from slipway.flow.deployment import Deployment
from slipway.flow.image import Image
from slipway.flow.image_place import ImagePlace
from slipway.flow.push import PushEvent
from slipway.openstack.glance.glance import Glance, NewImage
from slipway.pipelines.images.copying import keep_file
from slipway.pipelines.images.stores import Stores
from tests.dags.in_process import build_container
from tests.dags.pushing import PAUSE_SECONDS, TRIES, Run, run_with_id
from tests.pipelines.places import files_of
from tests.registry_images import remove
from tests.release.killing import Killing
from tests.release.releases import wait_for
from tests.systems.openstack.ironic_lab import connection

pytestmark = pytest.mark.lab

REPOSITORY = "tests/gated"
ASKING = ("running", "awaiting_input")
DOCKERFILE = "FROM busybox:1.36\nRUN echo {} > /name\n"
SPEC = """\
version: 1
name: {}
container: {{kubernetes: {{replicas: 0}}}}
vm:
  template: x.pkr.hcl
  base: {{artifactory: generic-local/bases/x.qcow2}}
  nova: {{flavor: small, networks: [demo]}}
"""


@dataclass
class Gated:
    """An application of this file's own with two images, in environments that `lab/apps.yaml` gives it."""

    lab: Lab
    api: httpx.Client
    airflow: Airflow
    cloud: Connection
    name: str
    push: PushEvent
    images: dict[str, Image]
    quiet: str = ""
    """A run about which nobody says anything, from the first test on."""

    def start(self, environment: str, dag_id: str = "deploy") -> str:
        push = self.push
        conf = {"repository": REPOSITORY, "ref": push.ref, "commit": push.commit, "environment": environment}
        return start(self.api, dag_id, conf)

    def ended(self, run_id: str) -> Run:
        return run_with_id(self.airflow, run_id, "deploy")

    def question(self, run_id: str) -> dict[str, Any]:
        """Wait until people are asked about a run, and return what they read."""
        for _ in range(TRIES):
            tasks = self.airflow.get_tasks("deploy", run_id)
            if [one for one in tasks if (one["task_id"], one["state"]) == ("approve", "awaiting_input")]:
                return dict(self.api.get(self._details(run_id)).raise_for_status().json())
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"nobody is asked about {run_id}: {tasks}")

    def asking(self, run_id: str) -> psutil.Process | None:
        """Wait until the task runs that asks people; return the executor's process that runs it.

        None when it was faster, and has ended.
        """
        found: list[int] = []

        def is_so() -> bool:
            tasks = self.airflow.get_tasks("deploy", run_id)
            found[:] = [one["pid"] for one in tasks if one["task_id"] == "approve" and one["state"] in ASKING]
            return bool(found and found[0])

        wait_for(is_so, pause=PAUSE_SECONDS / 5)
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(found[0]).parent()
        return None

    def answer(self, run_id: str, option: str) -> None:
        body = {"chosen_options": [option], "params_input": {}}
        self.api.patch(self._details(run_id), json=body).raise_for_status()

    def runs(self, namespace: str) -> str:
        """The digest that the cluster runs there; "" for none."""
        get = [
            "kubectl",
            f"--kubeconfig={self.lab.kubeconfig}",
            f"--namespace={namespace}",
            "get",
            "deployment",
        ]
        image = "--output=jsonpath={.spec.template.spec.containers[0].image}"
        command = [*get, self.name, "--ignore-not-found", image]
        done = subprocess.run(command, check=True, capture_output=True, timeout=60, text=True)
        return done.stdout.partition("@")[2]

    def servers(self, environment: str = "") -> list[Any]:
        """Its servers, as Nova says."""
        mine = {"slipway_application": self.name} | (
            {"slipway_environment": environment} if environment else {}
        )
        every = self.cloud.compute.servers(details=True)
        return [one for one in every if mine.items() <= (one.metadata or {}).items()]

    def _details(self, run_id: str) -> str:
        return f"/api/v2/dags/deploy/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"


def start(api: httpx.Client, dag_id: str, conf: dict[str, str]) -> str:
    answer = api.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["dag_run_id"])


@pytest.fixture(scope="module")
def app(lab: Lab, airflow_api: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    name, git, web = f"t-{secrets.token_hex(4)}", lab.git, lab.airflow
    copy = working_copy(tmp_path_factory.mktemp("gated"), Login(git.url, git.user, git.password))
    (copy.folder / "Dockerfile").write_text(DOCKERFILE.format(name))
    (copy.folder / "slipway.yaml").write_text(SPEC.format(name))
    branch = f"built-{name}"
    push = PushEvent(repository=REPOSITORY, ref=f"refs/heads/{branch}", commit=copy.commit("a test"))
    copy._git("push", "--quiet", "origin", f"{push.commit}:{push.ref}")
    (copy.folder / "disk.raw").write_bytes(secrets.token_bytes(512))
    with connection(lab, "slipway") as cloud, Airflow(Login(web.url, web.user, web.password)) as airflow:
        image = build_container(lab, push)
        stores = Stores(files_of(lab), Glance(cloud))
        disk = vm_image(stores, copy.folder / "disk.raw", image)
        found = Gated(lab, airflow_api, airflow, cloud, name, push, {"container": image, "vm": disk})
        found.quiet = found.start("quiet")
        yield found
        for server in found.servers():
            cloud.compute.delete_server(server.id)
        stores.files.delete(f"generic-local/demo/{name}")
        stores.glance.delete(str(disk.glance))
    copy._git("push", "--quiet", "origin", f":{push.ref}")
    remove(lab.registry, f"docker-local/demo/{name}")
    for namespace in ("demo", "other"):
        kubectl = ["kubectl", f"--kubeconfig={lab.kubeconfig}", f"--namespace={namespace}", "delete"]
        objects = ["deployment,configmap", f"--selector=slipway.io/application={name}"]
        subprocess.run([*kubectl, *objects], check=True, capture_output=True, timeout=60)


def vm_image(both: Stores, disk: Path, beside: Image) -> Image:
    """Keep a disk that no machine boots from as its pipeline keeps one, and write down whose it is."""
    place = ImagePlace("generic-local", "demo", beside.application, "vm")
    kept = keep_file(both, disk, f"{place}/x/disk.raw", NewImage(beside.application, "raw", hidden=False))
    told = {"platform": "vm", "digest": kept.digest, "reference": kept.reference, "glance": kept.glance}
    image = beside.model_copy(update=told)
    both.files.put_json(place.commit_record(image.commit), image.to_json())
    return image


def working_copy(folder: Path, server: Login) -> WorkingCopy:
    copy = WorkingCopy(folder, server, REPOSITORY)
    copy._git("init", "--quiet", "--initial-branch=main")
    copy._git("remote", "add", "origin", f"{server.url}/{REPOSITORY}.git")
    return copy


@contextmanager
def scheduler_stands_still() -> Iterator[None]:
    pid = Killing.of_lab().airflow.component("scheduler").pid
    process = psutil.Process(pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def deployments(run: Run) -> list[Deployment]:
    found = [Deployment.from_json(one["extra"]) for one in run.airflow.get_run_events("deploy", run.id)]
    assert {one.platform for one in found} == {"container", "vm"}
    return found


def log(run: Run, task: str) -> str:
    return "\n".join(run.log(task))


def test_nobody_who_could_answer_is_said_at_once(app: Gated) -> None:
    run = app.ended(app.start("foreign"))
    assert (run.state, run.tasks["approve"], run.tries["approve"]) == ("failed", "failed", 1)
    assert "approval.by names no user or role that Airflow knows: role:Nobody" in log(run, "approve")
    assert app.runs("other") == ""


def test_promotion_is_let_in_with_the_digest_that_staging_runs_and_is_written_down(
    app: Gated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = app.ended(app.start("staging"))
    assert first.tasks["approve"] == first.tasks["promote"] == "skipped"
    assert app.runs("demo") == app.images["container"].digest

    assert promote(app, monkeypatch, "--idempotency-key", app.name) == OK
    run_id = run_id_of(app.name)
    executor = app.asking(run_id)
    at_work = executor.cmdline() if executor else []
    # A scheduler that hears late that the question's process ended takes the task for killed, and tries it
    # again: what was answered meanwhile is not asked again.
    with scheduler_stands_still():
        question = app.question(run_id)
        app.answer(run_id, "Approve")
        if executor:  # its name says what it runs, until it has told the scheduler of the end
            wait_for(lambda: executor.cmdline() != at_work)
    assert question["subject"] == (
        f"Deploy {app.name} {app.push.short_commit} of {REPOSITORY} to production?"
    )
    assert all(image.digest in question["body"] for image in app.images.values())
    assert "promoted from **staging**" in question["body"]
    assert all(f"| {platform} | `nothing` |" in question["body"] for platform in app.images)
    assert [one["name"] for one in question["assigned_users"]] == ["admin"]
    run = app.ended(run_id)

    assert run.state == "success", run.story
    assert "approved by admin" in log(run, "approve")
    assert app.runs("other") == app.images["container"].digest
    [server] = app.servers("production")
    assert (server.status, str(server.image.id)) == ("ACTIVE", str(app.images["vm"].glance))
    assert len(app.servers()) == 2
    for done in deployments(run):
        image = app.images[done.platform]
        assert (done.environment, done.image.digest, done.image.glance) == (
            "production",
            image.digest,
            image.glance,
        )
        assert (done.push.commit, done.push.pusher) == (app.push.commit, "admin")
    assert statuses(app) == [("production", f"promoted from staging by run {run_id}", "admin")]
    manifest = f"docker-local/demo/{app.name}/{app.push.commit}/manifest.json"
    for path in (manifest, app.images["vm"].reference):
        assert "slipway.promoted.production" in properties(app, path)
    capsys.readouterr()


def test_newer_release_takes_the_place_of_one_that_waits_and_a_rejection_leaves_everything(
    app: Gated,
) -> None:
    before = app.runs("other")
    first = app.start("production")
    app.question(first)
    second = app.start("production")
    app.question(second)
    older = app.ended(first)
    assert f"superseded by {app.push.short_commit} (run {second})" in log(older, "approve")
    app.answer(second, "Reject")
    newer = app.ended(second)
    assert "not deployed to production: rejected by admin" in log(newer, "approve")
    for run in (older, newer):
        assert run.state == "success", run.story
        assert run.tasks["container.rollout"] == run.tasks["released"] == "skipped"
    assert app.runs("other") == before


def test_a_release_is_not_let_in_by_a_task_state_that_was_set_by_hand(app: Gated) -> None:
    run_id = app.start("production")
    app.question(run_id)
    task = f"/api/v2/dags/deploy/dagRuns/{run_id}/taskInstances/approve"
    app.api.patch(task, json={"new_state": "success"}).raise_for_status()
    run = app.ended(run_id)
    assert (run.state, run.tasks["container.rollout"]) == ("failed", "failed")
    assert "this release is not approved" in log(run, "container.rollout")


def test_silence_fails_where_the_environment_says_so(app: Gated) -> None:
    run = app.ended(app.quiet)
    states = {name: run.tasks[name] for name in ("approve", "container.rollout", "container.go_back")}
    assert run.state == "failed", run.story
    assert states == {
        "approve": "failed",
        "container.rollout": "upstream_failed",
        "container.go_back": "skipped",
    }
    assert "nobody answered within 0.001 hours" in log(run, "approve")


def promote(app: Gated, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    web = app.lab.airflow
    monkeypatch.setenv("AIRFLOW_URL", web.url)
    monkeypatch.setenv("AIRFLOW_USER", web.user)
    monkeypatch.setenv("AIRFLOW_PASSWORD", web.password)
    return main(["promote", REPOSITORY, "--from", "staging", "--to", "production", *more])


def statuses(app: Gated) -> list[tuple[str, str, str]]:
    """What Artifactory says that the container's build became."""
    name, number = (quote(one, safe="") for one in build_of(app.push, app.images["container"]))
    with artifactory(app) as client:
        answer = client.get(f"/api/build/{name}/{number}").raise_for_status()
    found = answer.json()["buildInfo"]["statuses"]
    return [(one["status"], one["comment"], one["ciUser"]) for one in found]


def properties(app: Gated, path: str) -> dict[str, list[str]]:
    """Of a file in Artifactory."""
    with artifactory(app) as client:
        return dict(client.get(f"/api/storage/{path}?properties").raise_for_status().json()["properties"])


def artifactory(app: Gated) -> httpx.Client:
    login = app.lab.artifactory
    return httpx.Client(base_url=login.url, auth=login.auth, timeout=30, trust_env=False)
