"""OpenStack's virtual environment for the fresh machine's Python, made natively in a copy of its disk.

It is one of the project's caches, bound to a Python and a path; the emulated machine itself would take a
quarter of an hour to write its bytecode.
"""

from __future__ import annotations

import fcntl
import shlex
import shutil
import tempfile
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.machine.disk import CARRIED, Disk
from lab.machine.settings import variables, write_settings
from lab.openstack.distribution import Distribution
from lab.paths import Paths

MAKE = """\
from pathlib import Path
from lab.openstack.distribution import Distribution
from lab.paths import Paths
paths = Paths(Path("/tmp/made"), Path({cache!r}))
paths.make()
Distribution(paths).make()
"""


def prepared_openstack(release: str, disk: Disk, paths: Paths, uv: Path, log: Path) -> Path:
    """Return the folder of the environment; made once for its pins and the release's Python.

    :param uv: the folder of uv's cache, which it takes packages from.
    :raises LabError: when a step fails.
    """
    name = Distribution(paths).folder.name
    made = paths.cache / f"machine-{disk.folder.name.rpartition('-')[2]}-{name}"
    with (paths.cache / f"machine-{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            uv.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".openstack-", dir=paths.cache) as work:
                _make(release, disk, paths, uv, Path(work), log)
                (Path(work) / "cache" / name).rename(made)
    return made


def _make(release: str, disk: Disk, paths: Paths, uv: Path, work: Path, log: Path) -> None:
    for name in ("below", "above", "scratch", "root", "cache", "settings"):
        (work / name).mkdir()
    write_settings(release, work / "settings")
    program = next(iter(sorted(paths.cache.glob("uv-*"), reverse=True)))
    shutil.copytree(program, work / "cache" / program.name, symlinks=True)
    cache, root = CARRIED / "cache" / "slipway", work / "root"
    places = {
        work / "cache": cache,
        uv: CARRIED / "cache" / "uv",
        paths.checkout / "lab": Path("/usr/lib/python3/dist-packages/lab"),
        Path("/etc/resolv.conf"): Path("/etc/resolv.conf"),
    }
    overlay = f"lowerdir={work / 'below'},upperdir={work / 'above'},workdir={work / 'scratch'}"
    steps = [
        ["mount", "-o", "loop,ro,noload", str(disk.image), str(work / "below")],
        ["mount", "-t", "overlay", "overlay", "-o", overlay, str(root)],
        ["cp", "-rT", str(work / "settings"), str(root)],
        ["mount", "-t", "proc", "proc", str(root / "proc")],
        ["mount", "--bind", "/dev", str(root / "dev")],
        *(
            step
            for source, target in places.items()
            for step in _bind(source, root / target.relative_to("/"))
        ),
        ["chroot", str(root), "env", *_environment(), "python3", "-c", MAKE.format(cache=str(cache))],
    ]
    # The mounts are in a namespace of their own, and go with its last process.
    script = "set -e\n" + "\n".join(shlex.join(step) for step in steps)
    run(["unshare", "--mount", "sh", "-c", script], log=log, environment=inherited(), seconds=1800)


def _bind(source: Path, target: Path) -> list[list[str]]:
    make = ["mkdir", "-p", str(target)] if source.is_dir() else ["touch", str(target)]
    return [make, ["mount", "--bind", str(source), str(target)]]


def _environment() -> list[str]:
    words = {**variables(), "PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "UV_LINK_MODE": "copy"}
    words["UV_CACHE_DIR"] = str(CARRIED / "cache" / "uv")
    return [f"{name}={value}" for name, value in words.items()]
