"""``python3 -m lab.host``: says in one line whether the lab can run here, before anything is installed.

It needs nothing but Python's standard library, of any Python since 3.8.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from lab.server import LabError

RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
OLDEST, NEWEST = (3, 11), (3, 13)


def check_host(release: Path = Path("/etc/os-release")) -> None:
    """Check what cannot be installed: the distribution, the rights, the processor and the Python.

    :raises LabError: with the rule and the cure.
    """
    codename(release)
    require_root()
    if platform.machine() != "x86_64":
        raise LabError(f"the lab's programs are for amd64, and this machine is {platform.machine()}")
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        raise LabError(
            f"Slipway needs Python 3.11, 3.12 or 3.13, and python3 is {version[0]}.{version[1]} "
            f"({sys.executable}); put Debian's own first on PATH: PATH=/usr/bin:$PATH make ..."
        )


def codename(release: Path = Path("/etc/os-release")) -> str:
    """Return the machine's release: ``bookworm`` or ``trixie``.

    :raises LabError: when it is another one, or another distribution.
    """
    found = _fields(release)
    if found.get("ID") != "debian" or found.get("VERSION_CODENAME") not in RELEASES:
        name = found.get("PRETTY_NAME") or "unknown"
        raise LabError(
            f"the lab runs on Debian 12 or 13, whose packages it installs, and this machine is: {name}; "
            "run it on one of them, or in a virtual machine"
        )
    return found["VERSION_CODENAME"]


def require_root() -> None:
    """Check that root runs this.

    :raises LabError: when it is somebody else.
    """
    if os.geteuid() != 0:
        raise LabError(
            "not root: the lab starts a docker engine and a Kubernetes node, and installs packages with apt; "
            "run make with sudo"
        )


def _fields(release: Path) -> dict[str, str]:
    lines = release.read_text().splitlines() if release.exists() else []
    return {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}


def main(release: str | None = None) -> int:
    """Print what is wrong, if anything is; return the exit code."""
    try:
        check_host(*([Path(release)] if release else []))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
