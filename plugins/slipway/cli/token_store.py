"""Keystone tokens between two calls of kubectl: a file each, which only its owner reads.

kubectl asks its plugin a second time within one call when the API server refused the first token, and does
not say so (the field that said it is gone since v1). So whoever is handed a token is written beside it: the
same process that asks again gets a new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from slipway.openstack.keystone.token import Token

MARGIN = timedelta(minutes=1)
"""A token that ends sooner is not handed out any more."""
_SECRETS = ("PASSWORD", "SECRET", "TOKEN", "PASSCODE")
_CLOUDS = ("clouds.yaml", "secure.yaml", "clouds.yml", "secure.yml")


@dataclass(frozen=True)
class TokenStore:
    """The token of one login: one user, one project, one Keystone."""

    path: Path

    @classmethod
    def of(cls, options: Mapping[str, object], environment: Mapping[str, str]) -> TokenStore:
        """Return the store of a login, as arguments, ``OS_*`` variables and ``clouds.yaml`` name it."""
        variables = {
            name: value
            for name, value in environment.items()
            if name.startswith("OS_") and not any(secret in name for secret in _SECRETS)
        }
        known = {name: str(value) for name, value in options.items() if value is not None}
        named = json.dumps([known, variables, _clouds(environment)], sort_keys=True)
        cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        name = hashlib.sha256(named.encode()).hexdigest()[:32]
        return cls(cache / "slipway" / "keystone-tokens" / f"{name}.json")

    def find(self, now: datetime | None = None) -> Token | None:
        """Return the token, unless it ends, or the process that asks was given it before."""
        try:
            if self.path.stat().st_mode & 0o077 or self.path.stat().st_uid != os.getuid():
                return None
            kept = json.loads(self.path.read_text())
            token = Token(kept["token"], datetime.fromisoformat(kept["expires_at"]))
            askers = list(kept["askers"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        asker = parent()
        if token.expires_at - MARGIN <= (now or datetime.now(UTC)) or asker in askers:
            return None
        self._write(token, [*askers[-31:], asker])
        return token

    def keep(self, token: Token) -> None:
        """Keep a new token, handed to the process that asks."""
        self._write(token, [parent()])

    def _write(self, token: Token, askers: list[str]) -> None:
        """Write, readers see the old file or the new; a login does not fail because it cannot be kept."""
        body = {"token": token.text, "expires_at": token.expires_at.isoformat(), "askers": askers}
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(body, file)
            aside.replace(self.path)


def parent() -> str:
    """Return what tells the calling process from any other: its id, and when it began."""
    pid = os.getppid()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return f"{pid}:"
    return f"{pid}:{fields[19]}"


def _clouds(environment: Mapping[str, str]) -> list[str]:
    """Return the files that clouds are read from, with when they were changed.

    https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html
    """
    folders = [Path.cwd(), Path.home() / ".config" / "openstack", Path("/etc/openstack")]
    paths = [folder / name for folder in folders for name in _CLOUDS]
    named = ("OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE", "OS_CLIENT_VENDOR_FILE")
    paths += [Path(environment[name]) for name in named if environment.get(name)]
    return [f"{path}:{path.stat().st_mtime_ns}" for path in paths if path.is_file()]
