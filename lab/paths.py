"""Where the lab keeps things: its state inside the checkout, what is slow to make outside of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

SOCKET_FOLDER_LIMIT = 55
"""Longest folder for Unix sockets, in bytes: the kernel takes 107, and programs add folders of their own."""


@dataclass(frozen=True)
class Paths:
    """The folders of one checkout's lab."""

    checkout: Path
    cache: Path

    @property
    def state(self) -> Path:
        """Everything that ``lab down`` removes."""
        return self.checkout / ".lab"

    @property
    def logs(self) -> Path:
        """One ``<process>.log`` each."""
        return self.state / "log"

    @property
    def pids(self) -> Path:
        """One ``<process>.json`` each, saying which process it is."""
        return self.state / "pid"

    @property
    def environment(self) -> Path:
        """What people and tests source to reach the servers."""
        return self.state / "env"

    @property
    def key(self) -> str:
        """Eight digits that name this checkout wherever the lab needs a name outside of it."""
        return hashlib.sha256(str(self.checkout).encode()).hexdigest()[:8]

    @property
    def sockets(self) -> Path:
        """The folder of Unix sockets: inside the state, or under ``/run`` when that path is too long."""
        inside = self.state / "run"
        return inside if len(os.fsencode(inside)) <= SOCKET_FOLDER_LIMIT else self.outside

    @property
    def outside(self) -> Path:
        """This checkout's folder under ``/run``."""
        return Path("/run") / f"slipway-{self.key}"

    def make(self) -> None:
        """Make the folders; the state is readable by its owner only beneath ``secrets.json`` and ``env``."""
        for folder in (self.state, self.logs, self.pids, self.sockets, self.cache):
            folder.mkdir(parents=True, exist_ok=True)


def paths_of(checkout: Path) -> Paths:
    """Return the folders of the lab of ``checkout``; the cache follows ``XDG_CACHE_HOME``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Paths(checkout=checkout.resolve(), cache=cache / "slipway")


def this_checkout() -> Paths:
    """Return the folders of the lab of the checkout this file belongs to."""
    return paths_of(Path(__file__).resolve().parents[1])
