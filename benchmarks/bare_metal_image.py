"""``bare_metal_image`` beside ``disk-image-create``, and a push with unchanged inputs."""

from __future__ import annotations

import shutil
import sysconfig
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.application import Checkout, say
from benchmarks.image_rounds import ImageRounds
from benchmarks.result import Result
from benchmarks.servers import airflow, remote, variables
from lab.debian import image_mirrors
from lab.paths import this_checkout

REPOSITORY, DAG = "examples/bench", "bare_metal_image"
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
        rounds = ImageRounds(checkout, reader, REPOSITORY, DAG)
        yield rounds.against(
            "a commit's bare-metal image, besides copying it and its boot test",
            "disk-image-create with the same elements and options",
            partial(_write, checkout, WITH_COMMIT),
            partial(_bare, checkout, Path(folder)),
        )
        yield rounds.unchanged("bare_metal_unchanged", partial(_write, checkout, WITHOUT))


def _write(checkout: Checkout, elements: tuple[str, ...], number: int) -> None:
    (checkout.folder / "slipway.yaml").write_text(SPEC.replace("ELEMENTS", ", ".join(elements)))
    (checkout.folder / "README.md").write_text(f"Round {number} at {time.time_ns()}.\n")


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
