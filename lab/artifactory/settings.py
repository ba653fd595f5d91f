"""The settings that the server starts with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Login:
    """A user and its password; the password serves as access token and API key too."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """Where things are kept, who may enter, and which registry is shown."""

    root: Path
    login: Login
    reader: Login | None = None
    """Somebody who may read only."""
    registry_url: str | None = None
    registry_login: Login | None = None
