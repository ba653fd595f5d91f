"""A container runtime for machines without CAP_SYS_RESOURCE.

Without that capability nobody may lower a process's OOM score, and runc dies of it ("can't get final
child's PID from pipe"). Kubernetes gives its sandboxes -998; the runtime raises negative scores to 0.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.server import LabError

CAP_SYS_RESOURCE = 24

WRAPPER = """\
#!/bin/sh
# Raises a negative OOM score in the bundle's settings to 0, then runs runc.
bundle=
previous=
for argument; do
    [ "$previous" = --bundle ] && bundle=$argument
    previous=$argument
done
if [ -n "$bundle" ]; then
    sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$bundle/config.json" || exit 1
fi
exec '{runc}' "$@"
"""


def lacks_resource_capability(status: Path = Path("/proc/self/status")) -> bool:
    """Say whether this process may not lower OOM scores (its effective set lacks CAP_SYS_RESOURCE)."""
    lines = (line.split() for line in status.read_text().splitlines())
    effective = next(words[1] for words in lines if words[:1] == ["CapEff:"])
    return not int(effective, 16) >> CAP_SYS_RESOURCE & 1


def write_runtime(path: Path) -> Path:
    """Write the runtime to ``path`` and return it.

    :raises LabError: when the machine has no runc.
    """
    runc = shutil.which("runc")
    if runc is None:
        raise LabError("runc is not on PATH; install Debian's package runc")
    path.write_text(WRAPPER.format(runc=runc))
    path.chmod(0o755)
    return path
