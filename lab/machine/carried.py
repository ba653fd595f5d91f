"""What a fresh machine is given: a clone of the project, this project's caches, and this machine's settings.

They come on a second disk, since copying a gigabyte through an emulated network takes minutes.
"""

from __future__ import annotations

import fnmatch
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lab.command import run
from lab.machine.settings import write_settings
from lab.openstack.distribution import Distribution
from lab.paths import Paths

SIZE = "20G"
NOT_CARRIED = ("machine-*", "*.lock", ".*", "npm", "openstack-*", "libvirt-python-*")
"""Entries of the cache that are no use there: bound to this machine's Python, or the machines themselves."""


def write_carried(release: str, paths: Paths, made: Path, disk: Path, log: Path) -> None:
    """Write the disk: ``project.bundle``, ``settings/``, ``cache/slipway/`` and uv's ``cache/uv/``.

    The project is its last commit: what is not committed does not travel.

    :param made: the folder of OpenStack's virtual environment for the machine's Python.

    :raises LabError: when a tool fails.
    """
    with tempfile.TemporaryDirectory(prefix=".carried-", dir=paths.cache) as name:
        folder = Path(name)
        (folder / "cache" / "slipway").mkdir(parents=True)
        bundle = ["git", "-C", str(paths.checkout), "bundle", "create", "--quiet"]
        run([*bundle, str(folder / "project.bundle"), "HEAD"], log=log, seconds=300)
        write_settings(release, folder / "settings")
        for path in carried_entries(paths.cache):
            _copy(path, folder / "cache" / "slipway" / path.name)
        _copy(made, folder / "cache" / "slipway" / Distribution(paths).folder.name)
        if (uv := uv_cache(paths)).is_dir():
            _copy(uv, folder / "cache" / "uv")
        run(["mke2fs", "-q", "-t", "ext4", "-d", str(folder), str(disk), SIZE], log=log, seconds=900)


def uv_cache(paths: Paths) -> Path:
    """Return the folder where uv keeps wheels: https://docs.astral.sh/uv/reference/environment/ ."""
    return Path(os.environ.get("UV_CACHE_DIR") or paths.cache.parent / "uv")


def carried_entries(cache: Path) -> Iterable[Path]:
    """Return what of the lab's cache is of use there."""
    return [
        path
        for path in sorted(cache.iterdir())
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in NOT_CARRIED)
    ]


def _copy(source: Path, target: Path) -> None:
    """Copy by hard links where both are on one file system: the files are read once, by mke2fs."""
    link = ["--link"] if source.stat().st_dev == target.parent.stat().st_dev else []
    run(["cp", "--archive", *link, str(source), str(target)], seconds=600)
