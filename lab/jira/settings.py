"""The settings that the server starts with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Where issues are kept, and the one user; the token serves as password and as personal access token."""

    root: Path
    user: str
    token: str = field(repr=False)
    cloud: bool = False
    """Answer as Jira Cloud does where the two differ: in how one searches."""
