"""``vm_image`` beside a bare ``packer build`` of the same template, and a push with unchanged inputs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.application import Checkout, say
from benchmarks.result import Result
from benchmarks.runs import copied_and_booted, ended, seconds_of, states_of
from benchmarks.servers import airflow, remote, variables
from lab.images.vm import vm_base
from lab.images.vm_publish import PATH
from lab.paths import this_checkout
from slipway.cli.api import Airflow
from slipway.packer.seed import write_seed
from slipway.qemu.accelerator import accelerator

REPOSITORY, DAG = "examples/bench", "vm_image"
ROUNDS = 3
TEMPLATE = "vm/hello.pkr.hcl"
SPEC = f"""\
version: 1
name: bench
vm:
  template: {TEMPLATE}
  context: CONTEXT
  base: {{artifactory: {PATH}}}
  boot: {{memory_mib: 256, within_seconds: 120}}
"""
COPY = """\
variable "slipway_base" { type = string }
variable "slipway_output" { type = string }
variable "slipway_name" { type = string }
source "null" "one" { communicator = "none" }
build {
  sources = ["null.one"]
  provisioner "shell-local" {
    inline = [
      "mkdir -p ${var.slipway_output}",
      "cp --no-preserve=mode ${var.slipway_base} ${var.slipway_output}/${var.slipway_name}",
    ]
  }
}
"""


def run() -> Iterator[Result]:
    """Yield both results; the sides take turns, so that both meet the same machine."""
    known, paths = variables(), this_checkout()
    with TemporaryDirectory(prefix="slipway-bench-") as folder, airflow(known) as reader:
        checkout = Checkout.create(Path(folder) / "bench", remote(known, REPOSITORY))
        shutil.copytree(paths.checkout / "lab/examples/hello/vm", checkout.folder / "vm")
        base = vm_base(paths.cache, paths.logs / "vm-base.log")
        yield _against_packer(checkout, reader, Path(folder), base)
        yield _unchanged(checkout, reader)


def _against_packer(checkout: Checkout, reader: Airflow, folder: Path, base: Path) -> Result:
    ours, theirs, amiss = [], [], []
    for number in range(ROUNDS + 1):
        _write(checkout, ".", number)
        found, commit = _push(checkout, reader)
        ours.append(seconds_of(found) - copied_and_booted(reader, found))
        if states_of(reader, found)["build"] != "success":
            amiss.append(f"the push of {commit[:12]} did not build")
        theirs.append(_bare(checkout, folder / "bare", base, commit))
    return Result(
        name="vm_image",
        claim="a commit's virtual machine image, besides copying it and its boot test",
        peer="packer build of the same template",
        slipway_seconds=ours[1:],  # the first round fetches the base
        peer_seconds=theirs[1:],
        measure="overhead",
        limit=10.0,
        notes=amiss,
    )


def _unchanged(checkout: Checkout, reader: Airflow) -> Result:
    seconds, amiss = [], []
    (checkout.folder / TEMPLATE).write_text(COPY)
    for number in range(ROUNDS + 1):
        _write(checkout, "vm", number)
        found, commit = _push(checkout, reader)
        seconds.append(seconds_of(found))
        if number and states_of(reader, found)["build"] != "skipped":
            amiss.append(f"the push of {commit[:12]} built though its inputs are unchanged")
    return Result(
        name="vm_unchanged",
        claim="a commit with unchanged inputs through vm_image, without a build",
        peer="none",
        slipway_seconds=seconds[1:],
        measure="seconds",
        limit=8.0,
        notes=amiss,
    )


def _write(checkout: Checkout, context: str, number: int) -> None:
    (checkout.folder / "slipway.yaml").write_text(SPEC.replace("CONTEXT", context))
    (checkout.folder / "message.txt").write_text(f"Round {number} at {time.time_ns()}.\n")


def _push(checkout: Checkout, reader: Airflow) -> tuple[dict[str, Any], str]:
    """Push one commit; returns its run, ended, and the commit."""
    commit = checkout.commit("a round")
    started = datetime.now(UTC)
    checkout.push()
    return ended(reader, DAG, f"{REPOSITORY}@{commit}", started), commit


def _bare(checkout: Checkout, folder: Path, base: Path, commit: str) -> float:
    """Run Packer as a person would; returns its seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    write_seed(folder / "seed", folder / "key", "bench")
    values = {
        "slipway_commit": commit,
        "slipway_name": "bench",
        "slipway_base": str(base),
        "slipway_base_checksum": "none",
        "slipway_output": str(folder / "image"),
        "slipway_accelerator": accelerator(),
        "slipway_seed": str(folder / "seed"),
        "slipway_ssh_key": str(folder / "key"),
    }
    (folder / "values.pkrvars.json").write_text(json.dumps(values))
    started = time.monotonic()
    say("packer", "build", f"-var-file={folder / 'values.pkrvars.json'}", TEMPLATE, cwd=checkout.folder)
    return time.monotonic() - started
