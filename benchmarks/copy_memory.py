"""``python -m benchmarks.copy_memory MIB``: by how many MiB a copy of that size makes the process grow."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.stored import stored
from slipway.openstack.glance import transfer
from slipway.pipelines.images.copying import keep_file, keep_glance_image
from slipway.streams.tee import tee


def main() -> None:
    """Copy a sparse file to both sides, the image on to Artifactory, and read it once more from Glance."""
    with TemporaryDirectory(prefix="slipway-bench-") as name, stored() as there:
        file = Path(name) / "sparse.raw"
        with file.open("wb") as sparse:
            sparse.truncate(int(sys.argv[1]) * 1024**2)
        # Idle, with every library loaded and both logins done.
        there.both.files.find(there.path("nothing"))
        there.both.glance.find_key("nothing")
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the start
        idle = _peak()
        kept = keep_file(there.both, file, there.path("sparse.raw"), there.new())
        there.both.files.delete(kept.reference)
        keep_glance_image(there.both, str(kept.glance), there.path("again.raw"))
        tee(transfer.source(there.both.glance, there.both.glance.get(str(kept.glance))))
        print(round(_peak() - idle, 1))


def _peak() -> float:
    """Return the process's peak in MiB: https://docs.kernel.org/filesystems/proc.html."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    main()
