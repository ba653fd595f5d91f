"""Debian's packages that a source of programs needs; those of a server are installed before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab import debian


def ensure_packages(packages: Sequence[str], log: Path) -> None:
    """Install those of ``packages`` that are missing.

    :raises LabError: when apt fails.
    """
    missing = debian.missing(packages)
    if missing:
        print(f"installing with apt: {' '.join(missing)}", flush=True)
        debian.install(missing, log)
