"""An image from Glance to Artifactory and back, against what a shell does with ``curl``; and the memory.

``SLIPWAY_BENCH_COPY_MIB`` (4096) and ``SLIPWAY_BENCH_MEMORY_MIB`` (1024,10240) are the sizes, and
``SLIPWAY_BENCH_COPY_ROUNDS`` (3) says how often each side copies.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.result import Result
from benchmarks.shell import Shell
from benchmarks.stored import Stored, stored
from slipway.pipelines.images.copying import keep_file, keep_glance_image
from slipway.pipelines.images.glance_copies import bring_to_glance

MIB = 1024**2
SIZE = int(os.environ.get("SLIPWAY_BENCH_COPY_MIB", "4096"))
MEMORY = [int(size) for size in os.environ.get("SLIPWAY_BENCH_MEMORY_MIB", "1024,10240").split(",")]
ROUNDS = int(os.environ.get("SLIPWAY_BENCH_COPY_ROUNDS", "3"))
CURL = "curl | tee >(sha256sum) | curl"
SAVE = "openstack image save (its call of the SDK, with the hash it checks), then curl -T"


def run() -> Iterator[Result]:
    """Yield the results; the sides take turns, so that both meet the same machine."""
    with TemporaryDirectory(prefix="slipway-bench-", dir=os.environ.get("TMPDIR")) as name, stored() as there:
        folder = Path(name)
        image = _random_file(folder / "image.raw", SIZE)
        kept = keep_file(there.both, image, there.path("image.raw"), there.new())
        there.both.files.delete(kept.reference)
        yield from _from_glance(there, Shell(there, folder), str(kept.glance), kept.digest)
        yield _to_glance(there, Shell(there, folder), image, kept.digest)
    yield _memory()


def _from_glance(there: Stored, shell: Shell, image: str, digest: str) -> Iterator[Result]:
    ours: list[float] = []
    piped: list[float] = []
    saved: list[float] = []
    amiss: list[str] = []
    for number in range(ROUNDS):
        path = there.path(f"ours-{number}.raw")
        ours.append(_timed(lambda path=path: keep_glance_image(there.both, image, path)))  # type: ignore[misc]
        amiss += there.amiss(path, digest)
        path = there.path(f"piped-{number}.raw")
        piped.append(_timed(lambda path=path: shell.from_glance(image, path)))  # type: ignore[misc]
        amiss += [*shell.amiss(digest), *there.amiss(path, digest)]
        path = there.path(f"saved-{number}.raw")
        saved.append(_timed(lambda path=path: shell.save_and_send(image, path)))  # type: ignore[misc]
        amiss += there.amiss(path, digest)
    size = f"{SIZE / 1024:g} GiB"
    yield Result(
        name="copy_glance_to_artifactory",
        claim=f"{size} from Glance to Artifactory, hashes verified on both sides",
        peer=CURL,
        slipway_seconds=ours,
        peer_seconds=piped,
        measure="ratio",
        limit=1.11,  # a throughput of at least 0.9 of the peer's
        notes=amiss,
    )
    yield Result(
        name="copy_against_image_save",
        claim=f"{size} from Glance to Artifactory, hashes verified on both sides",
        peer=SAVE,
        slipway_seconds=ours,
        peer_seconds=saved,
        measure="ratio",
        limit=0.56,  # at least 1.8 times as fast
        notes=amiss,
    )


def _to_glance(there: Stored, shell: Shell, image: Path, digest: str) -> Result:
    """Glance may not fetch from the address that this Artifactory is named by: all goes through here."""
    source = there.path("back.raw")
    keep_file(there.both, image, source, None)
    ours: list[float] = []
    piped: list[float] = []
    amiss: list[str] = []
    for _ in range(ROUNDS):
        started = time.monotonic()
        made = bring_to_glance(there.through_worker, source, digest, there.new())
        ours.append(time.monotonic() - started)
        there.both.glance.delete(made)
        queued = str(there.both.glance.ensure_image(there.path("piped"), there.new()).id)
        piped.append(_timed(lambda queued=queued: shell.to_glance(source, queued)))  # type: ignore[misc]
        amiss += shell.amiss(digest)
        there.both.glance.delete(queued)
    return Result(
        name="copy_artifactory_to_glance",
        claim=f"{SIZE / 1024:g} GiB from Artifactory to Glance, hashes verified on both sides",
        peer=CURL,
        slipway_seconds=ours,
        peer_seconds=piped,
        measure="ratio",
        limit=1.11,
        notes=amiss,
    )


def _memory() -> Result:
    """Every size in a process of its own, which says by how much its peak grew."""
    grown = []
    for size in MEMORY:
        probe = [sys.executable, "-m", "benchmarks.copy_memory", str(size)]
        answer = subprocess.run(probe, check=True, stdout=subprocess.PIPE, text=True)
        grown.append(float(answer.stdout))
    sizes = " and ".join(f"{size / 1024:g}" for size in MEMORY)
    return Result(
        name="copy_memory",
        claim=f"peak memory above an idle process, {sizes} GiB (sparse) to both sides and back",
        peer="none",
        slipway_seconds=grown,
        measure="peak",
        limit=128,
        unit="MiB",
    )


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _random_file(path: Path, mib: int) -> Path:
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
    return path
