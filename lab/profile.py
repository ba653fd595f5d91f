"""What a lab has beyond the servers that every lab has: chosen at ``up``, kept until ``down``."""

from __future__ import annotations

from enum import StrEnum

from lab.paths import Paths


class Profile(StrEnum):
    """A choice of servers."""

    HYPERVISOR = "hypervisor"
    """A compute host that boots its servers."""


def chosen(paths: Paths) -> Profile | None:
    """Return what was chosen for the lab in ``paths``."""
    kept = paths.state / "profile"
    return Profile(kept.read_text()) if kept.exists() else None


def choose(paths: Paths, profile: Profile | None) -> None:
    """Keep a choice; None leaves what was chosen before."""
    if profile is not None:
        (paths.state / "profile").write_text(profile)
