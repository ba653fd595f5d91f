"""The machine's packages: which are missing, and their installation; and its archive's address."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.server import LabError

APT = Path("/etc/apt")
POLICY = Path("/usr/sbin/policy-rc.d")
"""Asked by Debian's packages whether they may start their service (101: no)."""
CLUSTER_SETTINGS = Path("/etc/postgresql-common/createcluster.d/slipway-lab.conf")
"""Read by PostgreSQL's packages, which make and serve a database cluster otherwise."""
LINE = re.compile(r"(?m)^\s*deb\s+(?:\[[^]]*\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)\s")


def require_bookworm(release: Path = Path("/etc/os-release")) -> None:
    """Check that the machine is a Debian 12, whose packages the lab is made of.

    :raises LabError: when it is not.
    """
    lines = release.read_text().splitlines() if release.exists() else []
    values = {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}
    if (values.get("ID"), values.get("VERSION_CODENAME")) != ("debian", "bookworm"):
        found = values.get("PRETTY_NAME") or "unknown"
        raise LabError(f"the lab is made of Debian 12's packages, and this machine is: {found}")


def mirror(suite: str, apt: Path = APT) -> str:
    """Return the address of the archive this machine installs ``suite`` from.

    :raises LabError: when none of its apt sources has that suite.
    """
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for path in files:
        if path.is_file():
            for uri, suites in _sources(path):
                if suite in suites:
                    return uri.rstrip("/")
    raise LabError(f"no apt source below {apt} has the suite {suite}; add Debian's archive there")


def image_mirrors(apt: Path = APT) -> dict[str, str]:
    """Return diskimage-builder's variables for images of Debian 12: they come from where this machine's do.

    :raises LabError: when none of its apt sources has Debian 12.
    """
    return {
        "DIB_DISTRIBUTION_MIRROR": mirror("bookworm", apt),
        "DIB_DEBIAN_SECURITY_MIRROR": mirror("bookworm-security", apt),
    }


def _sources(path: Path) -> Iterator[tuple[str, list[str]]]:
    text = path.read_text(errors="replace")
    if path.suffix == ".list":
        yield from ((found["uri"], [found["suite"]]) for found in LINE.finditer(text))
    elif path.suffix == ".sources":
        for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
            fields = dict(re.findall(r"(?m)^([A-Za-z-]+):\s*(.*)$", stanza))
            if "deb" in fields.get("Types", "").split():
                yield from ((uri, fields.get("Suites", "").split()) for uri in fields.get("URIs", "").split())


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
        timeout=60,
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
