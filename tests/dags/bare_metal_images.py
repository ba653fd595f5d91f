"""Applications with a bare-metal image, built by hand: what they commit, and what is there afterwards."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.access import Lab
from lab.paths import this_checkout
from slipway.diskimage_builder.loops import attached
from slipway.flow.image import Built
from slipway.flow.push import PushEvent
from tests.dags.pushing import Pushed, Run, run_with_id
from tests.dags.speaking import kernel
from tests.dags.vm_images import VmImages, vm_images

DAG = "bare_metal_image"
CHECKOUT = this_checkout().checkout
EXAMPLE = CHECKOUT / "lab/examples/hello"
BY_PACKER = CHECKOUT / "lab/examples/metal-packer"
TINY = CHECKOUT / "tests/samples"
SCRIPT = "#!/bin/bash\nset -eu\n"
SPEC = """\
version: 1
name: APPLICATION
bare_metal:
  elements: [ELEMENTS]
  base: false
  environment: {DIB_JOURNAL_SIZE: "4"}
  size_gib: 0.1
  compress: false
  build_seconds: 300
  boot: {memory_mib: 256, within_seconds: 120}
"""

_SPEAKING = f"""\
{SCRIPT}cd "$TARGET_ROOT"
mkdir -p boot dev etc proc root sys tmp var/log
echo speaking > etc/debian_version
echo {base64.b64encode(kernel("login:")).decode()} | base64 -d > boot/vmlinuz-0
echo "a ramdisk" > boot/initrd.img-0
"""


def example(*names: str) -> dict[str, str]:
    """Return what an application commits that takes these elements of the lab's example, which boots."""
    return {"slipway.yaml": SPEC.replace("ELEMENTS", ", ".join(names)), **_texts(EXAMPLE)}


def tiny(*names: str, **scripts: str) -> dict[str, str]:
    """Return an application upon a system that is built in seconds and boots nothing.

    :param scripts: ``ELEMENT/PHASE.d/SCRIPT`` and its text.
    """
    spec = SPEC.replace("ELEMENTS", ", ".join(("tiny", *names)))
    return {
        "slipway.yaml": spec,
        **_texts(TINY),
        **{f"elements/{name}": text for name, text in scripts.items()},
    }


def speaking(**scripts: str) -> dict[str, str]:
    """Return an application whose image takes no commit and has booted at once: its kernel says ``login:``.

    :param scripts: further ones of its element, ``PHASE.d/SCRIPT`` and its text.
    """
    known = {"element-provides": "operating-system\n", "root.d/10-speaking": _SPEAKING, **scripts}
    return {
        "slipway.yaml": SPEC.replace("ELEMENTS", "speaking"),
        **{f"elements/speaking/{name}": text for name, text in known.items()},
    }


def by_packer() -> dict[str, str]:
    """Return the lab's example that Packer builds; its nodes are of a class of the application's own."""
    files = [path for path in BY_PACKER.rglob("*") if path.is_file()]
    texts = {str(path.relative_to(BY_PACKER)): path.read_text() for path in files}
    spec = texts["slipway.yaml"].replace("name: metal-packer", "name: APPLICATION")
    return {**texts, "slipway.yaml": spec.replace("resource_class: metal", "resource_class: APPLICATION")}


def _texts(folder: Path) -> dict[str, str]:
    files = (path for path in (folder / "elements").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


@dataclass
class BareMetalImages(VmImages):
    """What the lab has of one application's images."""

    def push(self, content: dict[str, str], links: dict[str, str] | None = None) -> PushEvent:
        """Push to a branch that nothing happens for; scripts of elements can be run."""
        texts = {name: text.replace("APPLICATION", self.app.name) for name, text in content.items()}
        scripts = [name for name in texts if name.startswith("elements/") and ".d/" in name]
        commit = self.app.source.commit(texts, links, programs=scripts)
        branch = f"only-by-hand/{self.app.name}-{len(self.app.branches)}"
        self.app.branches.append(branch)
        return self.app.source.push(commit, branch)

    def start(self, push: PushEvent) -> str:
        """Start a run for a push; returns its id."""
        return self.app.start(DAG, ref=push.ref, commit=push.commit)

    def ended(self, run_id: str) -> Run:
        """Wait for its end."""
        return run_with_id(self.app.airflow, run_id, DAG)

    def built(self, run: Run) -> Built:
        """What a run handed on."""
        [event] = self.app.airflow.get_run_events(DAG, run.id)
        return Built.from_json(event["extra"])

    def on_worker(self) -> list[str]:
        """What builds of the application left: folders, loop devices, mounts."""
        folders = list((self.state / "airflow/slipway/builds").glob(f"*-{self.app.name}-*"))
        mounts = [
            line for line in Path("/proc/self/mounts").read_text().splitlines() if self.app.name in line
        ]
        loops = [device for folder in folders for device in attached(folder)]
        behind = [path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file")]
        return [
            *(path.name for path in folders),
            *mounts,
            *loops,
            *(path for path in behind if self.app.name in path),
        ]

    @property
    def folder(self) -> str:
        """Where Artifactory has its images."""
        return f"generic-local/demo/{self.app.name}/bare_metal"


@contextmanager
def bare_metal_images(lab: Lab, app: Pushed) -> Iterator[BareMetalImages]:
    """Have what an application needs, gone afterwards."""
    with vm_images(lab, app) as found:
        yield BareMetalImages(found.app, found.cloud, found.artifactory, found.state)
