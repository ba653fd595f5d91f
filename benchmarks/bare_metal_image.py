"""``bare_metal_image`` beside ``disk-image-create``, and a push with unchanged inputs."""

from __future__ import annotations

import shutil
import sysconfig
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
from lab.debian import image_mirrors
from lab.paths import this_checkout
from slipway.cli.api import Airflow

REPOSITORY, DAG = "examples/bench", "bare_metal_image"
ROUNDS = 3
SPEC = """\
version: 1
name: bench
bare_metal:
  elements: [ELEMENTS]
  base: false
  environment: {DIB_JOURNAL_SIZE: "4"}
  size_gib: 0.1
  compress: false
  boot: {memory_mib: 256, within_seconds: 120}
"""
WITH_COMMIT, WITHOUT = ("hello-system", "hello"), ("hello-system",)


def run() -> Iterator[Result]:
    """Yield both results; the sides take turns, so that both meet the same machine."""
    known = variables()
    with TemporaryDirectory(prefix="slipway-bench-") as folder, airflow(known) as reader:
        checkout = Checkout.create(Path(folder) / "bench", remote(known, REPOSITORY))
        example = this_checkout().checkout / "lab/examples/hello/elements"
        shutil.copytree(example, checkout.folder / "elements")
        yield _against_the_tool(checkout, reader, Path(folder))
        yield _unchanged(checkout, reader)


def _against_the_tool(checkout: Checkout, reader: Airflow, folder: Path) -> Result:
    ours, theirs, amiss = [], [], []
    for number in range(ROUNDS + 1):
        _write(checkout, WITH_COMMIT, number)
        found, commit = _push(checkout, reader)
        ours.append(seconds_of(found) - copied_and_booted(reader, found))
        if states_of(reader, found)["build"] != "success":
            amiss.append(f"the push of {commit[:12]} did not build")
        theirs.append(_bare(checkout, folder, commit))
    return Result(
        name="bare_metal_image",
        claim="a commit's bare-metal image, besides copying it and its boot test",
        peer="disk-image-create with the same elements and options",
        slipway_seconds=ours[1:],  # the first round fetches the kernel on both sides
        peer_seconds=theirs[1:],
        measure="overhead",
        limit=10.0,
        notes=amiss,
    )


def _unchanged(checkout: Checkout, reader: Airflow) -> Result:
    seconds, amiss = [], []
    for number in range(ROUNDS + 1):
        _write(checkout, WITHOUT, number)
        found, commit = _push(checkout, reader)
        seconds.append(seconds_of(found))
        if number and states_of(reader, found)["build"] != "skipped":
            amiss.append(f"the push of {commit[:12]} built though its inputs are unchanged")
    return Result(
        name="bare_metal_unchanged",
        claim="a commit with unchanged inputs through bare_metal_image, without a build",
        peer="none",
        slipway_seconds=seconds[1:],
        measure="seconds",
        limit=8.0,
        notes=amiss,
    )


def _write(checkout: Checkout, elements: tuple[str, ...], number: int) -> None:
    (checkout.folder / "slipway.yaml").write_text(SPEC.replace("ELEMENTS", ", ".join(elements)))
    (checkout.folder / "README.md").write_text(f"Round {number} at {time.time_ns()}.\n")


def _push(checkout: Checkout, reader: Airflow) -> tuple[dict[str, Any], str]:
    """Push one commit; returns its run, ended, and the commit."""
    commit = checkout.commit("a round")
    started = datetime.now(UTC)
    checkout.push()
    return ended(reader, DAG, f"{REPOSITORY}@{commit}", started), commit


def _bare(checkout: Checkout, folder: Path, commit: str) -> float:
    """Run the tool as a person would, who is root; returns its seconds."""
    target = folder / "bare"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    environment = {
        **image_mirrors(),
        "ELEMENTS_PATH": str(checkout.folder / "elements"),
        "DIB_IMAGE_CACHE": str(folder / "cache"),
        "DIB_JOURNAL_SIZE": "4",
        "DIB_NO_TMPFS": "1",
        "SLIPWAY_COMMIT": commit,
        "TMP_DIR": str(target),
    }
    tool = str(Path(sysconfig.get_path("scripts"), "disk-image-create"))
    options = ["-a", "amd64", "-u", "-n", "-o", "bench", "-t", "qcow2", "--image-size", "0.1"]
    started = time.monotonic()
    say(tool, *options, "--root-label", "img-rootfs", *WITH_COMMIT, "baremetal", cwd=target, **environment)
    return time.monotonic() - started
