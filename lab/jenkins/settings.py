"""The settings that the server starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class User:
    """Somebody who may do everything; with the token no crumb is asked for, as in Jenkins."""

    name: str
    password: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """Where things are kept, who may enter, and how the server behaves."""

    root: Path
    url: str
    """The address that its own addresses begin with, ending in ``/``."""
    user: User
    executors: int = 4
    restart_seconds: float = 3.0
    """How long it is away when it restarts."""
    webhook_secret: str = field(default="", repr=False)
    """What notifications are signed with."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of every build, as Jenkins has them globally."""
