"""A virtual machine's image that Packer makes of a server in OpenStack, on the lab's hypervisor."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import openstack
import pytest
from openstack.compute.v2.server import Server
from openstack.connection import Connection
from openstack.image.v2.image import Image as GlanceImage

from lab.access import Lab
from lab.paths import this_checkout
from lab.process import wait_gone
from slipway.flow.image import Built, Image
from slipway.flow.push import PushEvent
from slipway.openstack.glance.glance import Glance
from slipway.packer.inputs import build_name
from tests.dags.in_process import as_on_worker, call
from tests.dags.pushing import PAUSE_SECONDS, TRIES, Pushed, Run, run_with_id

pytestmark = pytest.mark.lab

EXAMPLE = this_checkout().checkout / "lab/examples/vm-openstack"
TEMPLATE = "image/image.pkr.hcl"
DAG = "vm_image"
SECONDS = 120


@dataclass
class InCloud:
    """An application whose image is made in the cloud, and what the cloud has of it."""

    app: Pushed
    cloud: Connection

    def push(self, deployed: bool = False, **instead: str) -> PushEvent:
        """Push the example, with the name of the test's application and the lab's base.

        :param instead: values of settings of the template, by their names there.
        """
        paths = [path for path in EXAMPLE.rglob("*") if path.is_file()]
        files = {str(path.relative_to(EXAMPLE)): path.read_text() for path in paths}
        for setting, value in instead.items():
            files[TEMPLATE] = re.sub(rf"(?m)^  {setting} += .*$", f"  {setting} = {value}", files[TEMPLATE])
        spec = files["slipway.yaml"].replace("vm-openstack", self.app.name)
        spec = spec.replace("00000000-0000-0000-0000-000000000000", self.app.lab["SLIPWAY_VM_BASE"])
        spec = spec if deployed else spec.partition("  nova:\n")[0]
        return self.app.push({**files, "slipway.yaml": spec}, f"built-{self.app.name}")

    def start(self, push: PushEvent) -> str:
        """Start a run for a push; returns its id."""
        return self.app.start(DAG, ref=push.ref, commit=push.commit)

    def built(self, run: Run) -> Image:
        """Return what a run handed on."""
        [event] = self.app.airflow.get_run_events(DAG, run.id)
        built = Built.from_json(event["extra"])
        assert built.image is not None
        return built.image

    def temporary(self, run_id: str) -> list[str]:
        """Return what there is of a run's build: its server, its key pair, its half-made image."""
        name = build_name(self.app.name, run_id)
        things = [
            *self.cloud.compute.servers(name=name),
            *(pair for pair in self.cloud.compute.keypairs() if pair.name == name),
            *Glance(self.cloud).find_by({"name": name}),
        ]
        return [f"{type(thing).__name__} {thing.name}" for thing in things]

    def images(self) -> list[GlanceImage]:
        """Return the application's images in Glance, hidden ones too."""
        found = Glance(self.cloud).find_by({"slipway_application": self.app.name})
        assert {image.properties["slipway_application"] for image in found} <= {self.app.name}
        return found

    def servers(self) -> list[Server]:
        """Return the application's servers."""
        return [
            server
            for server in self.cloud.compute.servers()
            if server.metadata.get("slipway_application") == self.app.name
        ]


@pytest.fixture
def in_cloud(lab: Lab, app: Pushed) -> Iterator[InCloud]:
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with Connection(config=config.get_one(lab["OS_CLOUD"], api_timeout=60)) as cloud:
        made = InCloud(app, cloud)
        yield made
        for server in made.servers():
            cloud.compute.delete_server(server)
            cloud.compute.wait_for_delete(server, interval=0.2, wait=SECONDS)
        for image in made.images():
            cloud.image.delete_image(image)
    with artifactory(lab) as client:
        client.delete(f"/generic-local/demo/{app.name}")


def artifactory(lab: Lab) -> httpx.Client:
    login = lab.artifactory
    return httpx.Client(base_url=login.url, auth=login.auth, timeout=60, trust_env=False)


def page(address: str) -> str:
    return httpx.get(f"http://{address}/", timeout=10, trust_env=False).text


def test_a_push_becomes_an_image_of_a_server_and_a_server_of_that_image(in_cloud: InCloud, lab: Lab) -> None:
    push = in_cloud.push(deployed=True)
    run = run_with_id(in_cloud.app.airflow, in_cloud.start(push), DAG)
    assert run.tasks == dict.fromkeys(["plan", "base", "build", "boot_test", "publish"], "success")
    said = "\n".join(run.log("build"))
    assert "Waiting for SSH to become available" in said
    assert "Creating the image" in said

    image = in_cloud.built(run)
    assert in_cloud.temporary(run.id) == []
    [found] = in_cloud.images()
    assert (found.id, found.status, found.is_hidden) == (str(image.glance), "active", False)
    assert found.properties["slipway_run"] == run.id
    assert found.properties["slipway_commit"] == push.commit
    content = in_cloud.cloud.image.download_image(found).content
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == image.digest
    with artifactory(lab) as client:
        kept = client.get(f"/api/storage/{image.reference}").raise_for_status().json()
    assert f"sha256:{kept['checksums']['sha256']}" == image.digest

    release = in_cloud.app.start("deploy", commit=push.commit, environment="staging")
    deployed = run_with_id(in_cloud.app.airflow, release, "deploy")
    assert deployed.state == "success", deployed.story
    [server] = in_cloud.servers()
    assert (server.status, server.image.id) == ("ACTIVE", str(image.glance))
    [interface] = server.addresses["real"]
    assert page(interface["addr"]) == f"vm-openstack {push.commit}\n"


def killed_worker(in_cloud: InCloud, run_id: str) -> None:
    """Kill the task's process, as a machine short of memory does: what it started sees that and tidies up."""
    [task] = [one for one in in_cloud.app.airflow.get_tasks(DAG, run_id) if one["task_id"] == "build"]
    os.kill(task["pid"], signal.SIGKILL)


def killed_machine(in_cloud: InCloud, run_id: str) -> None:
    """Kill the task and all it started at once, as a machine that goes down does."""
    name = build_name(in_cloud.app.name, run_id).encode()
    programs = [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if name in command(folder)]
    assert programs
    [task] = [one for one in in_cloud.app.airflow.get_tasks(DAG, run_id) if one["task_id"] == "build"]
    for pid in (task["pid"], *programs):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # it went with another
            continue


def command(folder: Path) -> bytes:
    """Return the command line of a process's folder below ``/proc``."""
    try:
        return (folder / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.mark.release
@pytest.mark.parametrize("kill", [killed_worker, killed_machine])
def test_a_build_that_is_killed_is_done_again_and_leaves_one_image(
    in_cloud: InCloud, kill: Callable[[InCloud, str], None]
) -> None:
    push = in_cloud.push()
    run_id = in_cloud.start(push)
    wait_for_server(in_cloud, run_id)
    kill(in_cloud, run_id)
    run = run_with_id(in_cloud.app.airflow, run_id, DAG)
    assert (run.state, run.tries["build"]) == ("success", 2), run.story
    image = in_cloud.built(run)
    assert [str(found.id) for found in in_cloud.images()] == [str(image.glance)]
    assert in_cloud.temporary(run_id) == []


def test_a_build_that_is_called_off_leaves_nothing(in_cloud: InCloud) -> None:
    push = in_cloud.push()
    run_id = in_cloud.start(push)
    wait_for_server(in_cloud, run_id)
    task = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/build"
    in_cloud.app.api.patch(task, json={"new_state": "failed"}).raise_for_status()
    assert wait_gone(lambda: not in_cloud.temporary(run_id), SECONDS), in_cloud.temporary(run_id)
    assert run_with_id(in_cloud.app.airflow, run_id, DAG).state == "failed"
    assert in_cloud.images() == []


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ({"flavor": '"absent"'}, "absent"),
        ({"network_discovery_cidrs": '["10.99.0.0/24"]'}, "failed to discover a provisioning network"),
        ({"source_image": '"00000000-0000-0000-0000-00000000beef"'}, "Can not find requested image"),
        (
            {"flavor": '"giant"', "network_discovery_cidrs": '["10.20.0.0/16"]'},
            "Nova could not make the server: No valid host was found",
        ),
        pytest.param(
            {"ssh_username": '"stranger"', "ssh_timeout": '"20s"'},
            "Timeout waiting for SSH",
            marks=pytest.mark.release,
        ),
    ],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(
    in_cloud: InCloud, instead: dict[str, str], said: str
) -> None:
    push = in_cloud.push(**instead)
    with as_on_worker(in_cloud.app.lab):
        ended = call(DAG, repository=push.repository, ref=push.ref, commit=push.commit)
    assert ended.states == {"plan": "success", "base": "success", "build": "failed"}
    assert said in ended.refused
    assert in_cloud.temporary(ended.run_id) == []
    assert in_cloud.images() == []


def wait_for_server(in_cloud: InCloud, run_id: str) -> None:
    """Wait until a build's temporary server is there."""
    for _ in range(TRIES):
        if any(thing.startswith("Server") for thing in in_cloud.temporary(run_id)):
            return
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"run {run_id} made no server: {in_cloud.temporary(run_id)}")
