"""Applications with a virtual machine, built by hand: what they commit, and what is left of it where."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openstack
from openstack.connection import Connection
from openstack.image.v2.image import Image

from lab.access import Lab
from lab.images.vm_publish import PATH
from lab.paths import this_checkout
from slipway.flow.image import Built
from slipway.flow.push import PushEvent
from slipway.openstack.glance.glance import Glance
from tests.dags.pushing import Pushed, Run, run_with_id
from tests.dags.speaking import SAID, disk

DAG = "vm_image"
EXAMPLE = this_checkout().checkout / "lab/examples/hello/vm"
SPEC = f"""\
version: 1
name: NAME
vm:
  template: vm/image.pkr.hcl
  base: {{artifactory: {PATH}}}
  build_seconds: 300
  boot: {{memory_mib: 256, within_seconds: 120}}
"""
_VARIABLES = ("slipway_base", "slipway_output", "slipway_name")


def by_worker(*commands: str, variables: tuple[str, ...] = _VARIABLES) -> str:
    """A template that makes its image without a machine, by commands where Packer runs: done in a second."""
    declared = "".join(f'variable "{name}" {{ type = string }}\n' for name in variables)
    quoted = ", ".join('"' + command.replace("\\", "\\\\").replace('"', '\\"') + '"' for command in commands)
    return (
        f'{declared}source "null" "one" {{ communicator = "none" }}\n'
        f'build {{\n  sources = ["null.one"]\n  provisioner "shell-local" {{ inline = [{quoted}] }}\n}}\n'
    )


FOLDER = "mkdir -p ${var.slipway_output}"
IMAGE = "${var.slipway_output}/${var.slipway_name}"
COPY = by_worker(FOLDER, f"cp ${{var.slipway_base}} {IMAGE}", f"chmod u+w {IMAGE}")
"""The base as it is."""
_RAW = "${var.slipway_output}/raw"
_SECTOR = base64.b64encode(disk("login:")).decode()


def speaking(*more: str, commit: bool = False) -> str:
    """Return a template whose image is there, and has booted, at once: it says ``login:`` and no more.

    :param more: commands between the making of its disk, called ``RAW`` there, and the image's.
    :param commit: it says its commit, too.
    """
    said = f"printf 'login: %s' ${{var.slipway_commit}} | dd of=RAW bs=1 seek={SAID} conv=notrunc"
    commands = (
        f"echo {_SECTOR} | base64 -d > RAW",
        *((said,) if commit else ()),
        "truncate -s 1M RAW",
        *more,
        f"qemu-img convert -f raw -O qcow2 RAW {IMAGE}",
        "rm RAW",
    )
    names = (*_VARIABLES, "slipway_commit") if commit else _VARIABLES
    return by_worker(FOLDER, *(one.replace("RAW", _RAW) for one in commands), variables=names)


SPEAKING = speaking()


def files(template: str = COPY, spec: str = SPEC, **more: str) -> dict[str, str]:
    """Return what an application commits."""
    return {"slipway.yaml": spec, "vm/image.pkr.hcl": template, **more}


def example() -> dict[str, str]:
    """Return the lab's example, with one machine of Packer's."""
    template = (EXAMPLE / "hello.pkr.hcl").read_text()
    spec = SPEC.replace("  build_seconds", "  context: .\n  build_seconds").replace("256,", "256, ssh: true,")
    return {
        **files(template, spec),
        "vm/install.sh": (EXAMPLE / "install.sh").read_text(),
        "message.txt": "a message\n",
    }


@dataclass
class VmImages:
    """What the lab has of one application's images."""

    app: Pushed
    cloud: Connection
    artifactory: httpx.Client
    state: Path

    def push(self, content: dict[str, str], links: dict[str, str] | None = None) -> PushEvent:
        """Push to a branch that nothing happens for; the test starts the run."""
        texts = {name: text.replace("NAME", self.app.name) for name, text in content.items()}
        branch = f"only-by-hand/{self.app.name}-{len(self.app.branches)}"
        return self.app.push(texts, branch, links)

    def start(self, push: PushEvent) -> str:
        """Start a run for a push; returns its id."""
        return self.app.start(DAG, ref=push.ref, commit=push.commit)

    def ended(self, run_id: str) -> Run:
        """Wait for its end."""
        return run_with_id(self.app.airflow, run_id, DAG)

    def run(self, push: PushEvent) -> Run:
        """Start a run and wait for its end."""
        return self.ended(self.start(push))

    def built(self, run: Run) -> Built:
        """What a run handed on."""
        [event] = self.app.airflow.get_run_events(DAG, run.id)
        return Built.from_json(event["extra"])

    def in_glance(self) -> list[Image]:
        """The application's images, hidden ones too."""
        return Glance(self.cloud).find_by({"slipway_application": self.app.name})

    def in_artifactory(self) -> list[str]:
        """Paths of the application's files, below its own folder."""
        answer = self.artifactory.get(f"/api/storage/{self.folder}", params={"list": "", "deep": "1"})
        if answer.status_code == 404:
            return []
        return sorted(one["uri"] for one in answer.raise_for_status().json()["files"])

    def on_worker(self) -> list[str]:
        """What builds of the application left on the worker."""
        return [path.name for path in (self.state / "airflow/slipway/builds").glob(f"*-{self.app.name}-*")]

    def properties(self, path: str) -> dict[str, Any]:
        """Properties of a file."""
        answer = self.artifactory.get(f"/api/storage/{path}", params={"properties": ""})
        return {name: values[0] for name, values in answer.raise_for_status().json()["properties"].items()}

    def digests(self, path: str, image: str) -> set[str]:
        """What both say that the image is, from the bytes that each gives out."""
        kept = self.artifactory.get(f"/{path}").raise_for_status().content
        held = self.cloud.image.download_image(image).content
        return {f"sha256:{hashlib.sha256(content).hexdigest()}" for content in (kept, held)}

    @property
    def folder(self) -> str:
        """Where Artifactory has its images."""
        return f"generic-local/demo/{self.app.name}/vm"


@contextmanager
def vm_images(lab: Lab, app: Pushed) -> Iterator[VmImages]:
    """Have what an application needs, gone afterwards."""
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    login = lab.artifactory
    with (
        Connection(config=config.get_one(lab["OS_CLOUD"], api_timeout=60)) as cloud,
        httpx.Client(base_url=login.url, auth=login.auth, timeout=60, trust_env=False) as client,
    ):
        found = VmImages(app, cloud, client, lab.state)
        yield found
        for image in found.in_glance():
            cloud.image.delete_image(image)
        client.delete(f"/generic-local/demo/{app.name}")
