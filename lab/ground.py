"""What every server of one lab is built upon."""

from __future__ import annotations

from dataclasses import dataclass

from lab.logins import Logins
from lab.paths import Paths
from lab.ports import Ports


@dataclass(frozen=True)
class Ground:
    """Folders, ports and secrets of one lab."""

    paths: Paths
    ports: Ports
    logins: Logins


def ground_of(paths: Paths) -> Ground:
    """Return what the lab in ``paths`` keeps between starts."""
    return Ground(
        paths=paths,
        ports=Ports(paths.state / "ports.json"),
        logins=Logins(paths.state / "secrets.json"),
    )
