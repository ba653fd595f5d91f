"""Passwords and keys of the lab: made at first use, kept until ``lab down``."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock


@dataclass(frozen=True)
class Logins:
    """The secrets of one lab, kept in a JSON file that only its owner reads."""

    path: Path
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def secret(self, name: str) -> str:
        """Return the secret kept under ``name``: 24 letters and digits, safe in URLs and files."""
        with self._lock:
            kept: dict[str, str] = json.loads(self.path.read_text()) if self.path.exists() else {}
            if name not in kept:
                kept[name] = secrets.token_hex(12)
                self._keep(kept)
            return kept[name]

    def _keep(self, values: dict[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".new")
        aside.touch(mode=0o600)
        aside.write_text(json.dumps(values, indent=1, sort_keys=True))
        aside.rename(self.path)
