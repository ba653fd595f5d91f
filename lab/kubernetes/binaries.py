"""Kubernetes' programs: taken from the cache, or built once from Debian's source package.

No archive this lab may use holds them ready-made; Debian's *source* package of ``kubectl`` has all of
Kubernetes in it, with everything it needs to be built without a network.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.kubernetes.apt_source import write_source_entries
from lab.server import LabError

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
BUILD_PACKAGES = ("golang-go", "dpkg-dev", "rsync", "jq", "make")
DOWNLOAD_SECONDS = 900
BUILD_SECONDS = 3600
DESCRIPTION = re.compile(r"kubernetes_(?P<version>[^/]+)\.dsc")


def find_binaries(cache: Path) -> Path | None:
    """Return the newest folder of the cache that holds every program, or None."""
    folders = [path for path in cache.glob("kubernetes-*/bin") if all((path / p).is_file() for p in PROGRAMS)]
    return max(folders, key=lambda path: path.stat().st_mtime, default=None)


def build_binaries(cache: Path, log: Path) -> Path:
    """Build every program from Debian's source package and return the cache's new folder of them.

    Takes about five minutes on two cores, 2 GB of disk on the way and 400 MB in the end. The folder appears
    whole or not at all; what the build needed is removed.

    :raises LabError: when a step fails.
    """
    cache.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".kubernetes-build-", dir=cache) as work:
        tree, version = _fetch_source(Path(work), log)
        _compile(tree, log)
        return _install(tree / "_output" / "bin", cache / f"kubernetes-{version}")


def source_version(names: Sequence[str]) -> str:
    """Return the version that the source description file among ``names`` is for.

    :raises LabError: when there is no such file, or more than one.
    """
    versions = [found["version"] for name in names if (found := DESCRIPTION.fullmatch(name))]
    if len(versions) != 1:
        raise LabError(f"apt-get source must leave one kubernetes_*.dsc, but it left {versions or 'none'}")
    return versions[0]


def _fetch_source(work: Path, log: Path) -> tuple[Path, str]:
    """Download and unpack the source package; return its tree and version."""
    if not write_source_entries(Path("/etc/apt"), work / "sources.list.d"):
        raise LabError("no apt source is configured on this machine; add Debian's to /etc/apt/sources.list")
    lists = work / "lists" / "partial"
    lists.mkdir(parents=True)
    apt = [
        "apt-get",
        "-o=Dir::Etc::sourcelist=/dev/null",
        f"-o=Dir::Etc::sourceparts={work / 'sources.list.d'}",
        f"-o=Dir::State::lists={lists.parent}",
        "-o=APT::Sandbox::User=root",
    ]
    # An entry without source packages fails here without harm: the next step says whether one was found.
    with contextlib.suppress(LabError):
        run([*apt, "update"], log=log, folder=work, seconds=DOWNLOAD_SECONDS)
    run([*apt, "source", "kubernetes"], log=log, folder=work, seconds=DOWNLOAD_SECONDS)
    version = source_version([path.name for path in work.iterdir()])
    tree = next((path for path in work.glob("kubernetes-*") if path.is_dir()), None)
    if tree is None:
        raise LabError(f"the source package was not unpacked; see {log}")
    return tree, version


def _compile(tree: Path, log: Path) -> None:
    targets = " ".join(f"cmd/{program}" for program in PROGRAMS)
    environment = inherited(CGO_ENABLED="0", GOCACHE=str(tree.parent / "go-cache"), GOPROXY="off", GOFLAGS="")
    command = ["nice", "-n", "5", "make", "all", f"WHAT={targets}"]
    run(command, log=log, environment=environment, folder=tree, seconds=BUILD_SECONDS)


def _install(built: Path, target: Path) -> Path:
    """Move the programs into the cache: beside the target first, then renamed into place."""
    aside = Path(tempfile.mkdtemp(prefix=".kubernetes-new-", dir=target.parent))
    try:
        (aside / "bin").mkdir()
        for program in PROGRAMS:
            shutil.copy2(built / program, aside / "bin" / program)
        aside.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target / "bin"
