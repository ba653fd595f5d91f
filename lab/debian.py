"""The machine's packages: which are missing, and their installation; and its archive's address."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.apt_sources import read_sources, source_files
from lab.command import run
from lab.environment import inherited
from lab.host import RELEASES
from lab.patience import stretched
from lab.server import LabError

APT = Path("/etc/apt")
IMAGES = "bookworm"
"""The release that the lab's images are made of, whatever release the machine has."""
POLICY = Path("/usr/sbin/policy-rc.d")
"""Asked by Debian's packages whether they may start their service (101: no)."""
CLUSTER_SETTINGS = Path("/etc/postgresql-common/createcluster.d/slipway-lab.conf")
"""Read by PostgreSQL's packages, which make and serve a database cluster otherwise."""


def archive(suite: str, apt: Path = APT) -> str:
    """Return the address of Debian's archive, as this machine uses it, for ``suite``.

    One archive has every release: where no source names ``suite``, it is that of another release.

    :raises LabError: when no apt source is Debian's archive.
    """
    address = find_address((suite, *RELEASES, *(f"{release}-updates" for release in RELEASES), "stable"), apt)
    if address is None:
        raise LabError(f"no apt source below {apt} has Debian's archive (main, {suite}); add it there")
    return address


def image_mirrors(apt: Path = APT) -> dict[str, str]:
    """Return diskimage-builder's variables for images of Debian 12: they come from where this machine's do.

    Where apt has no security suite, it is looked for beside the archive, where Debian's mirrors have it. What
    the environment sets already is kept.

    :raises LabError: when none of its apt sources is Debian's archive.
    """
    main = archive(IMAGES, apt)
    security = find_address([f"{release}-security" for release in (IMAGES, *RELEASES)], apt)
    found = {
        "DIB_DISTRIBUTION_MIRROR": main,
        "DIB_DEBIAN_SECURITY_MIRROR": security or f"{main.rpartition('/')[0]}/debian-security",
    }
    return {name: os.environ.get(name) or address for name, address in found.items()}


def find_address(suites: Iterable[str], apt: Path) -> str | None:
    """Return where the first of ``suites`` that a source has comes from."""
    known = [source for path in source_files(apt) for source in read_sources(path)]
    for suite in suites:
        for source in known:
            if suite in source.suites and "main" in source.components:
                return _first_mirror(source.uri)
    return None


def _first_mirror(uri: str) -> str:
    """Return an archive's address: Debian's images for clouds name a file of addresses instead."""
    method, _, path = uri.partition(":")
    if method == "mirror+file":
        lines = (line.partition("#")[0].split() for line in Path(path).read_text().splitlines())
        uri = next((words[0] for words in lines if words), uri)
    return uri.rstrip("/")


def missing(packages: Iterable[str]) -> list[str]:
    """Return those of ``packages`` that are not installed."""
    wanted = sorted(set(packages))
    if not wanted:
        return []
    asked = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted],
        capture_output=True,
        text=True,
        check=False,
        timeout=stretched(60),
    )
    installed = {line.split()[0] for line in asked.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def install(packages: Iterable[str], log: Path) -> None:
    """Install ``packages``, without what they recommend and without starting their services.

    :raises LabError: when that needs root, or apt fails; with apt's last lines.
    """
    wanted = list(packages)
    if os.geteuid() != 0:
        raise LabError(f"not root: cannot install {' '.join(wanted)}; run as root, or install them first")
    environment = inherited(DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
    lock = ["-o", "DPkg::Lock::Timeout=120"]
    command = ["apt-get", *lock, "install", "--yes", "--no-install-recommends", *wanted]
    with _no_services():
        run(["apt-get", *lock, "update"], log=log, environment=environment, seconds=300)
        run(command, log=log, environment=environment, seconds=1200)


@contextmanager
def _no_services() -> Iterator[None]:
    had_policy = POLICY.exists()
    if not had_policy:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    CLUSTER_SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    CLUSTER_SETTINGS.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        CLUSTER_SETTINGS.unlink(missing_ok=True)
        if not had_policy:
            POLICY.unlink(missing_ok=True)
