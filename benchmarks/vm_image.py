"""``vm_image`` beside a bare ``packer build`` of the same template, and a push with unchanged inputs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.application import Checkout, say
from benchmarks.image_rounds import ImageRounds
from benchmarks.result import Result
from benchmarks.servers import airflow, remote, variables
from lab.images.vm import vm_base
from lab.images.vm_publish import PATH
from lab.paths import this_checkout
from slipway.packer.seed import write_seed
from slipway.qemu.accelerator import accelerator

REPOSITORY, DAG = "examples/bench", "vm_image"
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
        rounds = ImageRounds(checkout, reader, REPOSITORY, DAG)
        yield rounds.against(
            "a commit's virtual machine image, besides copying it and its boot test",
            "packer build of the same template",
            partial(_write, checkout, "."),
            partial(_bare, checkout, Path(folder) / "bare", base),
        )
        (checkout.folder / TEMPLATE).write_text(COPY)
        yield rounds.unchanged("vm_unchanged", partial(_write, checkout, "vm"))


def _write(checkout: Checkout, context: str, number: int) -> None:
    (checkout.folder / "slipway.yaml").write_text(SPEC.replace("CONTEXT", context))
    (checkout.folder / "message.txt").write_text(f"Round {number} at {time.time_ns()}.\n")


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
